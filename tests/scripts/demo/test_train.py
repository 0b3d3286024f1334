"""A training that was cut off goes on as if it had not been."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from demo import corpus
from demo.corpus import Document
from demo.train import Plan, train

PLAN = Plan(
    "tiny",
    n_layers=1,
    n_embd=32,
    n_heads=2,
    n_ff=32,
    n_steps=4,
    learning_rate=1e-3,
    tokens_per_step=1024,
    long_share=0.25,
)


def test_a_resumed_training_ends_where_a_whole_one_does(
    tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(PLAN, corpus.arithmetic_documents, tokenizer, 0, tmp_path / "whole.pt")
    cut = tmp_path / "cut.pt"
    _train_until_cut(tokenizer, cut, monkeypatch)
    resumed = train(PLAN, corpus.arithmetic_documents, tokenizer, 0, cut)
    assert (resumed.step, torch.load(cut, weights_only=True)["step"]) == (PLAN.n_steps,) * 2
    for one, other in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def _train_until_cut(
    tokenizer: Tokenizer, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saves after every step, and breaks off in the third one."""
    monkeypatch.setattr("demo.train._SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    seen = 0

    def breaking(rng: random.Random) -> Iterator[Document]:
        nonlocal seen
        seen += 1
        if seen == 3:
            raise KeyboardInterrupt
        return corpus.arithmetic_documents(rng)

    with pytest.raises(KeyboardInterrupt):
        train(PLAN, breaking, tokenizer, 0, checkpoint)


def test_a_checkpoint_of_another_plan_is_refused(tokenizer: Tokenizer, tmp_path: Path) -> None:
    short = replace(PLAN, n_steps=1)
    train(short, corpus.arithmetic_documents, tokenizer, 0, tmp_path / "x.pt")
    with pytest.raises(SystemExit, match="choose an empty --out"):
        train(PLAN, corpus.arithmetic_documents, tokenizer, 0, tmp_path / "x.pt")
