"""The training of an expert, and the file that it becomes."""

import random
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from invented_texts import invented
from localcollab.catalog import SHIPPED
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.tokenizer import load_vocabulary
from localcollab.llama.weights import load_weights
from localcollab_convert.expert.file import write_expert
from localcollab_convert.expert.request import Shape
from localcollab_convert.expert.train import (
    ExpertTraining,
    Recipe,
    build,
    perplexity,
    tokens_per_step,
)
from localcollab_convert.study.texts import Text

pytestmark = pytest.mark.weights

BASE = SHIPPED / "formulary" / "base.gguf"
TINY = Shape(2, 64, 2, 256)


def test_an_experts_file_has_the_bases_tokens_and_the_trained_logits(tmp_path: Path) -> None:
    vocabulary = load_vocabulary(BASE)
    model = build(TINY, vocabulary.n_tokens, seed=3).eval()
    for parameter in model.parameters():
        if parameter.ndim == 2:
            parameter.data.mul_(8)
    path = tmp_path / "expert.gguf"
    write_expert(model, BASE, path, name="tiny", provenance={"seed": "3"})
    tokens = vocabulary.encode("One dose of Zordex is 10 mg.")
    with torch.no_grad():
        expected = model(torch.tensor([tokens])).logits[0].numpy()
    options = Options(n_ctx=64, flash_attention="off", n_outputs=64)
    expert = LlamaModel(load_weights(path, options, extra_buffers=False), options, name="e")
    assert expert.vocabulary.fingerprint == vocabulary.fingerprint
    got = expert.read(tokens, last=len(tokens)).logits
    assert np.abs(got - expected).max() < 0.05 * np.abs(expected).max()
    assert [p.name for p in tmp_path.iterdir()] == ["expert.gguf"]


def test_a_training_that_was_cut_off_ends_with_the_same_weights(tmp_path: Path) -> None:
    vocabulary = load_vocabulary(BASE)

    def training(name: str) -> ExpertTraining:
        model = build(TINY, vocabulary.n_tokens, seed=0)
        run = ExpertTraining(model, invented(4), vocabulary, Recipe(TINY), tmp_path / name)
        run.n_steps = 6
        return run

    whole = training("whole.pt")
    whole.run(1, lambda *_: None)

    def cut(step: int, n_steps: int, loss: float) -> None:
        if step == 3:
            first.save()
            raise KeyboardInterrupt

    first = training("cut.pt")
    with pytest.raises(KeyboardInterrupt):
        first.run(1, cut)
    second = training("cut.pt")
    second.run(1, lambda *_: None)
    assert second.step == 6
    for one, other in zip(whole.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_step_is_a_small_share_of_all_texts() -> None:
    text = Text("Zordex", ("x" * 990,), Path("x"))
    assert len(text.whole) == 1000
    assert [tokens_per_step([text] * n) for n in (1, 65, 66, 131, 132, 5000)] == [
        1024, 1024, 2048, 2048, 4096, 4096,
    ]  # fmt: skip


def test_what_is_held_out_is_measured_and_then_learned(tmp_path: Path) -> None:
    vocabulary = load_vocabulary(BASE)
    *texts, held_out = invented(9)
    model = build(TINY, vocabulary.n_tokens, seed=0)
    run = ExpertTraining(
        model, texts, vocabulary, Recipe(TINY), tmp_path / "p.pt", held_out=[held_out]
    )
    seen = [perplexity(model, [held_out], vocabulary)]
    run.n_steps = 4
    run.run(1, lambda *_: seen.append(perplexity(model, [held_out], vocabulary)))
    assert run.measured == seen[3]
    run.n_steps, shares = 100, []
    for run.step in (69, 70):
        rows = islice(run.stream(random.Random(0)), 300)
        shares.append(sum(held_out.title in row for row in rows) / 300)
    assert shares[0] == 0.0
    assert 0.2 < shares[1] < 0.4


def test_a_training_lasts_as_long_as_was_asked(tmp_path: Path) -> None:
    vocabulary = load_vocabulary(BASE)
    model = build(TINY, vocabulary.n_tokens, seed=0)
    run = ExpertTraining(model, invented(2), vocabulary, Recipe(TINY), tmp_path / "p.pt")
    run.max_seconds = 600.0
    shares = []
    for run.step, run.seconds in ((10, 900.0), (40, 300.0), (40, 900.0)):
        shares.append(run.share)
    assert shares == [0.5, 0.5, 1.0]
    run.step, run.seconds = 0, 0.0
    run.run(1.5 / 60, lambda *_: None)
    assert run.step >= 20
    assert run.n_steps == run.step
    assert run.seconds >= 1.5
