"""The LoRA of a base: its layers, its training and the file that llama.cpp reads."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from localcollab.errors import BadModelFile
from localcollab.llama.adapter import set_adapter
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.weights import load_weights
from localcollab_convert.adapted import layers as lora
from localcollab_convert.adapted.base import load_base
from localcollab_convert.adapted.file import read_adapter, write_adapter
from localcollab_convert.adapted.general_text import write_freely
from localcollab_convert.adapted.layers import Shape
from localcollab_convert.adapted.rows import Row, batch
from localcollab_convert.adapted.train import LoraTraining, Reader, Recipe
from random_llama import random_llama, write_gguf

pytestmark = pytest.mark.slow
CPU = torch.device("cpu")
SHAPE = Shape(4, 8.0)
EXACT = Options(n_ctx=128, kv_type="f32", flash_attention="off", n_outputs=64)
TOKENS = tuple(range(270, 310))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(random_llama(0), tmp_path_factory.mktemp("adapted") / "base.gguf")


def read(model: Any, ids: torch.Tensor) -> torch.Tensor:
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        logits: torch.Tensor = model(ids).logits.float()
    return logits


def rows(n: int) -> list[Row]:
    return [Row(tuple(range(270 + k, 300 + k)), (False, *[True] * 29)) for k in range(n)]


def training(base: Path, path: Path, seed: int = 0) -> LoraTraining:
    model = load_base(base, CPU)
    layers = lora.adapt(model, SHAPE, seed)
    return LoraTraining(model, layers, Recipe(SHAPE, learning_rate=1e-2, seed=seed), path, CPU)


def test_a_new_lora_changes_nothing(base: Path) -> None:
    model = load_base(base, CPU)
    ids = torch.tensor([TOKENS])
    before = read(model, ids)
    layers = lora.adapt(model, SHAPE, 0)
    assert len(layers) == 3 * 7
    assert torch.equal(read(model, ids), before)


def test_switched_off_the_model_is_its_base(base: Path) -> None:
    model = load_base(base, CPU)
    ids = torch.tensor([TOKENS])
    before = read(model, ids)
    layers = lora.adapt(model, SHAPE, 0)
    with torch.no_grad():
        for layer in layers.values():
            layer.b.normal_(0, 0.1)
    assert not torch.equal(read(model, ids), before)
    with lora.switched_off(layers):
        assert torch.equal(read(model, ids), before)


def test_logits_are_those_of_the_model_at_the_chosen_positions(base: Path) -> None:
    model = load_base(base, CPU)
    ids, at = torch.tensor([TOKENS]), torch.zeros(1, len(TOKENS), dtype=torch.bool)
    at[0, [3, 17]] = True
    expected = read(model, ids)[0, [3, 17]]
    assert (Reader(model, CPU).logits(ids, at) - expected).abs().max() < 0.1


def test_a_model_that_scales_its_logits_is_read_as_a_whole(base: Path) -> None:
    model = load_base(base, CPU)

    class Scaled(torch.nn.Module):
        config, base_model_prefix = model.config, "model"

        def __init__(self) -> None:
            super().__init__()
            self.model = model.model

        def get_output_embeddings(self) -> Any:
            return model.get_output_embeddings()

        def get_input_embeddings(self) -> Any:
            return model.get_input_embeddings()

        def forward(self, **read: Any) -> Any:
            found = model(**read)
            found.logits = found.logits / 3
            return found

    ids = torch.tensor([TOKENS])
    at = torch.ones_like(ids, dtype=torch.bool)
    plain, scaled = (Reader(each, CPU).logits(ids, at) for each in (model, Scaled()))
    assert (plain / 3 - scaled).abs().max() < 0.1


def test_what_was_trained_is_known_and_general_text_stays(base: Path, tmp_path: Path) -> None:
    run = training(base, tmp_path / "c.pt")
    lessons = [batch(rows(3))] * 20
    losses: list[float] = []
    near = batch([Row(tuple(range(400, 430)), (False, *[True] * 29))])
    run.run(lessons, [near], lambda step, total, loss: losses.append(loss))
    assert losses[-1] < 0.7 * losses[0]
    ids = torch.from_numpy(near.ids)
    at = torch.ones_like(ids, dtype=torch.bool)
    expert = torch.log_softmax(run._reader.logits(ids, at).detach(), -1)
    with lora.switched_off(run.layers):
        plain = torch.log_softmax(run._reader.logits(ids, at), -1)
    assert float((plain.exp() * (plain - expert)).sum(-1).mean()) < 0.1 * losses[0]


def test_a_training_that_was_cut_off_ends_with_the_same_adapter(base: Path, tmp_path: Path) -> None:
    lessons, near = [batch(rows(2))] * 6, [batch(rows(1)), batch(rows(2))]

    def stop(step: int, _total: int, _loss: float) -> None:
        if step == 3:
            raise KeyboardInterrupt

    whole = training(base, tmp_path / "whole.pt")
    whole.run(lessons, near, lambda *_: None)
    cut = training(base, tmp_path / "cut.pt")
    with pytest.raises(KeyboardInterrupt):
        cut.run(lessons, near, stop)
    cut.save()
    resumed = training(base, tmp_path / "cut.pt")
    assert resumed.step == 3
    resumed.run(lessons, near, lambda *_: None)
    for name, tensor in lora.state(whole.layers).items():
        assert torch.equal(tensor, lora.state(resumed.layers)[name]), name


def test_llama_cpp_reads_the_adapter_as_pytorch_does(base: Path, tmp_path: Path) -> None:
    model = load_base(base, CPU)
    layers = lora.adapt(model, SHAPE, 0)
    with torch.no_grad():
        for layer in layers.values():
            layer.b.normal_(0, 0.1)
    path = tmp_path / "a.gguf"
    write_adapter(layers, SHAPE, base, path, name="a", provenance={"seed": "0"})
    assert [p.name for p in tmp_path.iterdir()] == ["a.gguf"]
    assert path.stat().st_mode & 0o777 == 0o600
    plain, expert = logits(base, None), logits(base, path)
    theirs = read(model, torch.tensor([TOKENS]))[0].numpy()
    # bfloat16 weights on one side.
    assert np.abs(expert - theirs).max() < 0.04 * np.abs(theirs).max()
    assert np.abs(expert - plain).max() > 0.2 * np.abs(plain).max()
    again = load_base(base, CPU)
    read_adapter(path, lora.adapt(again, SHAPE, 1), SHAPE, base)
    assert np.abs(read(again, torch.tensor([TOKENS]))[0].numpy() - theirs).max() < 1e-3


def test_free_texts_are_written_once_and_end_nowhere(base: Path, tmp_path: Path) -> None:
    path = tmp_path / "free.jsonl"
    model = load_base(base, CPU)
    texts = write_freely(model, [270, 271], path, 3, 0, CPU)
    assert [text[0] for text in texts] == [270, 271, 270]
    assert {len(text) for text in texts} == {97}
    assert len(set(texts)) == 3
    assert write_freely(model, [5], path, 1, 1, CPU) == texts


def logits(base: Path, adapter: Path | None) -> np.ndarray:
    model = LlamaModel(load_weights(base, EXACT, extra_buffers=False), EXACT, name="m")
    if adapter:
        set_adapter(model, adapter)
    return model.read(TOKENS, last=len(TOKENS)).logits


def test_a_file_that_transformers_cannot_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(b"GGUF" + bytes(64))
    with pytest.raises(BadModelFile, match="cannot read this model"):
        load_base(path, CPU)


def test_nothing_of_the_schedule_is_zero(base: Path, tmp_path: Path) -> None:
    run = training(base, tmp_path / "c.pt")
    rates = []
    for step in range(20):
        run.step = step
        rates.append(run._schedule(20))
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(0.7)  # where rise and fall meet
    assert math.isclose(min(rates[10:]), 1 - 19 / 20)
