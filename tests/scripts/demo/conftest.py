"""One small vocabulary and one untrained model for every test of the builder."""

import random
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from demo import export, world
from demo.tokenizer import load_tokenizer
from demo.train import Plan, build_model
from demo.world import Medicine

TINY = Plan("tiny", n_layers=2, n_embd=64, n_heads=2, n_ff=96, n_steps=3, learning_rate=1e-3)


@pytest.fixture(scope="session")
def private() -> list[Medicine]:
    return world.invent_world(40, random.Random(0))


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return load_tokenizer()


@pytest.fixture(scope="session")
def untrained(tokenizer: Tokenizer) -> LlamaForCausalLM:
    """Random weights ten times as large as usual, or all logits would be nearly equal."""
    model = build_model(TINY, tokenizer.get_vocab_size(), seed=0).eval()
    for parameter in model.parameters():
        if parameter.ndim == 2:
            parameter.data.mul_(10)
    return model


@pytest.fixture(scope="session")
def gguf_path(
    untrained: LlamaForCausalLM, tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    export.write_f16(
        untrained,
        tokenizer,
        path,
        description="an untrained model",
        chat_template=export.CHAT_TEMPLATE,
        provenance={"seed": "0"},
    )
    return path
