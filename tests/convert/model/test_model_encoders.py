"""Conversion of an encoder and an encoder-decoder. The runtime takes neither as a team's member, so
llama.cpp is asked directly."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from localcollab.llama import library
from localcollab.llama.bindings import api
from localcollab.llama.tokenizer import load_vocabulary
from localcollab_convert.model.conversion import Conversion
from localcollab_convert.model.request import ModelRequest
from localcollab_convert.verify.parity import compare_with_tokenizer, load_tokenizer
from localcollab_convert.verify.request import VerifyRequest
from localcollab_convert.verify.verify import verify
from real_tokenizers import llama_cpp_sdist
from tiny_models import make_model

pytestmark = pytest.mark.slow
TYPES = ("F32", "F16", "Q8_0")
TOKENS = [5, 17, 42, 99, 7, 300, 12, 88, 1]


def ignore(_line: object) -> None:
    pass


def converted(name: str, folder: Path) -> tuple[Path, dict[str, Path]]:
    path = make_model(name, folder / name)
    asked = ModelRequest(
        source=path, types=TYPES, name=name, out=folder, converter=llama_cpp_sdist()
    )
    conversion = Conversion(asked, ignore, ignore)
    return path, {t: conversion.quantized(t).path for t in conversion.request.types}


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Path]]:
    return converted("bert", tmp_path_factory.mktemp("encoders"))


@pytest.fixture(scope="module")
def t5(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Path]]:
    return converted("t5", tmp_path_factory.mktemp("encoders"))


class Bare:
    """A model and a context with every position as an output, by ctypes."""

    def __init__(self, path: Path, *, embeddings: bool) -> None:
        library.start()
        params = api.llama_model_default_params()
        params.use_extra_bufts = False
        self.model: Any = api.llama_model_load_from_file(str(path).encode(), params)
        options = api.llama_context_default_params()
        options.n_ctx = options.n_batch = options.n_ubatch = options.n_outputs_max = 64
        options.embeddings, options.pooling_type = embeddings, api.LLAMA_POOLING_TYPE_NONE
        options.flash_attn_type = api.LLAMA_FLASH_ATTN_TYPE_DISABLED
        options.type_k = options.type_v = api.GGML_TYPE_F32
        self.context: Any = api.llama_init_from_model(self.model, options)
        self.batch = api.llama_batch_init(64, 0, 1)

    def run(self, tokens: Sequence[int], function: Any) -> None:
        batch = self.batch
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.logits[i] = token, i, True
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
        assert function(self.context, batch) == 0

    def rows(self, pointer: Any, n: int, width: int) -> np.ndarray:
        return np.ctypeslib.as_array(pointer, (n * width,)).reshape(n, width).copy()


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def encoded(path: Path) -> np.ndarray:
    bare = Bare(path, embeddings=True)
    bare.run(TOKENS, api.llama_encode)
    width = int(api.llama_model_n_embd(bare.model))
    return bare.rows(api.llama_get_embeddings(bare.context), len(TOKENS), width)


def test_per_token_states_of_an_encoder_equal_transformers(
    bert: tuple[Path, dict[str, Path]],
) -> None:
    folder, files = bert
    model = transformers.BertModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        theirs = model(input_ids=torch.tensor([TOKENS])).last_hidden_state[0].numpy()
    assert difference(encoded(files["F32"]), theirs) <= 0.01
    assert difference(encoded(files["F16"]), theirs) <= 0.02


def test_logits_of_an_encoder_decoder_equal_transformers(
    t5: tuple[Path, dict[str, Path]],
) -> None:
    folder, files = t5
    model = transformers.T5ForConditionalGeneration.from_pretrained(folder).eval()
    answer = [0, 11, 23, 64]
    with torch.inference_mode():
        asked = {"input_ids": torch.tensor([TOKENS]), "decoder_input_ids": torch.tensor([answer])}
        theirs = model(**asked).logits[0].numpy()
    bare = Bare(files["F32"], embeddings=False)
    bare.run(TOKENS, api.llama_encode)
    bare.run(answer, api.llama_decode)
    n_vocab = api.llama_vocab_n_tokens(api.llama_model_get_vocab(bare.model))
    ours = bare.rows(api.llama_get_logits(bare.context), len(answer), n_vocab)
    assert difference(ours[:, : theirs.shape[1]], theirs) <= 0.01


KNOWN = {
    # llama.cpp strips vowel signs and jamo as if they were accents, and reads words of any length.
    "bert": ("नमस्ते", "안녕하세요", "aaaaaaaaaa"),
    "t5": ("\\x01\\x02",),  # sentencepiece's normalizer drops control characters
}
"""Where llama.cpp's tokenizer is known to part from the original: `verify` reports it."""


@pytest.mark.parametrize("name", ["bert", "t5"])
def test_token_ids_equal_transformers(name: str, request: pytest.FixtureRequest) -> None:
    folder, files = request.getfixturevalue(name)
    tokenizer = load_tokenizer(folder)
    parity = compare_with_tokenizer(files["Q8_0"], load_vocabulary(files["Q8_0"]), tokenizer)
    unknown = [d for d in parity.differences if not any(text in d.what for text in KNOWN[name])]
    assert unknown == []


def test_verify_says_that_predictions_were_not_compared(
    bert: tuple[Path, dict[str, Path]],
) -> None:
    _, files = bert
    found = verify(VerifyRequest(path=files["Q8_0"], against=files["F32"]), ignore)
    assert (found.total, found.tokenizer.is_equal) == (None, True)
