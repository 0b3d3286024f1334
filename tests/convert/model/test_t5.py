"""Encoder-decoders through the runtime, against transformers: the same source, the same answer."""

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.errors import BadModelFile, BadOption, ContextFull
from localcollab.events import Finished
from localcollab.llama.encoder import load_encoder
from localcollab.llama.encoder_decoder import EncoderDecoder, load_encoder_decoder
from localcollab.llama.options import Options
from localcollab.llama.probe import probe
from localcollab_convert.model.conversion import Conversion
from localcollab_convert.model.request import ModelRequest
from tiny_models import make_model

pytestmark = pytest.mark.slow
SOURCES = ([5, 17, 42, 99, 7, 300, 12, 88, 1], list(range(3, 200)), [9, 1])
ANSWER = [0, 11, 23, 64, 8, 8, 130]
EXACT = Options(n_ctx=256, kv_type="f32", flash_attention="off")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model("t5", tmp_path_factory.mktemp("t5") / "t5")


@pytest.fixture(scope="module")
def files(folder: Path) -> dict[str, Path]:
    asked = ModelRequest(source=folder, types=("F32", "F16"), name="t5", out=folder.parent)
    conversion = Conversion(asked, lambda _line: None, lambda _line: None)
    return {kind: conversion.quantized(kind).path for kind in asked.types}


@pytest.fixture(scope="module")
def model(files: dict[str, Path]) -> EncoderDecoder:
    return load_encoder_decoder(files["F32"], EXACT)


@pytest.fixture(scope="module")
def expected(folder: Path) -> list[np.ndarray]:
    original = transformers.T5ForConditionalGeneration.from_pretrained(folder).eval()
    answer = torch.tensor([ANSWER])
    with torch.inference_mode():
        return [
            original(input_ids=torch.tensor([source]), decoder_input_ids=answer).logits[0].numpy()
            for source in SOURCES
        ]


def logits_of(model: EncoderDecoder, source: list[int], n_vocab: int) -> np.ndarray:
    reading = model.with_source(source).read(ANSWER, last=len(ANSWER))
    return reading.logits[:, :n_vocab]


def test_logits_equal_transformers_one_source_after_another(
    model: EncoderDecoder, expected: list[np.ndarray]
) -> None:
    for source, theirs in zip(SOURCES, expected, strict=True):
        ours = logits_of(model, source, theirs.shape[1])
        assert np.abs(ours - theirs).max() <= 0.01 * np.abs(theirs).max()


def test_the_likeliest_tokens_equal_transformers_at_f16(
    files: dict[str, Path], expected: list[np.ndarray]
) -> None:
    model = load_encoder_decoder(files["F16"], EXACT)
    for source, theirs in zip(SOURCES, expected, strict=True):
        ours = logits_of(model, source, theirs.shape[1])
        assert ours.argmax(axis=1).tolist() == theirs.argmax(axis=1).tolist()


def test_sources_read_in_turns_do_not_disturb_each_other(
    model: EncoderDecoder, expected: list[np.ndarray]
) -> None:
    one, other = (model.with_source(source) for source in SOURCES[:2])
    rows = []
    for n in range(1, len(ANSWER) + 1):
        rows.append(one.read(ANSWER[:n]).logits[0])
        other.read(ANSWER[:n])
    theirs = expected[0]
    ours = np.stack(rows)[:, : theirs.shape[1]]
    assert np.abs(ours - theirs).max() <= 0.01 * np.abs(theirs).max()


def test_an_answer_that_is_cut_back_is_read_as_if_anew(
    model: EncoderDecoder, expected: list[np.ndarray]
) -> None:
    sourced, theirs = model.with_source(SOURCES[0]), expected[0]
    sourced.read([*ANSWER[:3], 77, 78, 79])
    ours = sourced.read(ANSWER).logits[0][: theirs.shape[1]]
    assert np.abs(ours - theirs[-1]).max() <= 0.01 * np.abs(theirs).max()


def test_generation_writes_what_transformers_writes(model: EncoderDecoder, folder: Path) -> None:
    original = transformers.T5ForConditionalGeneration.from_pretrained(folder).eval()
    greedy = transformers.GenerationConfig(max_new_tokens=12, decoder_start_token_id=model.start)
    with torch.inference_mode():
        theirs = original.generate(torch.tensor([SOURCES[0]]), generation_config=greedy)
    sourced = model.with_source(SOURCES[0])
    events = list(generate(sourced, [sourced.start], limits=Limits(12)))
    ours = [
        event.id for event in events if not isinstance(event, Finished) and hasattr(event, "id")
    ]
    assert ours == theirs[0].tolist()[1:][: len(ours)]
    assert len(ours) >= 1


def test_nothing_can_be_read_without_a_source(model: EncoderDecoder) -> None:
    assert not hasattr(model, "read")
    with pytest.raises(BadOption, match="source is empty"):
        model.with_source([])
    with pytest.raises(ContextFull, match="257 tokens"):
        model.with_source([5] * 257)
    with pytest.raises(BadOption, match="outside its vocabulary"):
        model.with_source([2**20])


def test_a_file_is_refused_where_another_kind_is_wanted(files: dict[str, Path]) -> None:
    with pytest.raises(BadModelFile, match="of kind encoder-decoder, not encoder"):
        load_encoder(files["F16"])
    with pytest.raises(BadModelFile, match="not a decoder-only model"):
        probe(files["F16"])
