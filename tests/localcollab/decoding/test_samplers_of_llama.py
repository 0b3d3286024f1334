"""DRY, XTC and typical sampling against llama.cpp's own samplers, on a real vocabulary."""

import ctypes
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from localcollab.catalog import SHIPPED
from localcollab.decoding.penalties import BREAKERS
from localcollab.decoding.sampling import Sampling, candidate_probabilities, make_sampler, penalize
from localcollab.llama import library
from localcollab.llama.bindings import api
from localcollab.llama.loaded import LoadedModel, default_params, load_model
from localcollab.llama.tokenizer import read_vocabulary

pytestmark = pytest.mark.weights

BASE = SHIPPED / "formulary" / "base.gguf"


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    library.start()
    params = default_params()
    params.vocab_only = True
    return load_model(Path(BASE), params, "read its vocabulary")


def apply(sampler: object, logits: np.ndarray, tokens: Sequence[int] = ()) -> dict[int, float]:
    """What llama.cpp's sampler leaves: token -> logit."""
    data = (api.llama_token_data * len(logits))(
        *(api.llama_token_data(n, float(x), 0.0) for n, x in enumerate(logits))
    )
    array = api.llama_token_data_array(data, len(logits), -1, False)
    for token in tokens:
        api.llama_sampler_accept(sampler, token)
    api.llama_sampler_apply(sampler, ctypes.byref(array))
    left = {array.data[n].id: array.data[n].logit for n in range(array.size)}
    api.llama_sampler_free(sampler)
    return left


few_tokens = st.lists(st.integers(270, 275), max_size=60)


@settings(max_examples=150, deadline=None)
@given(few_tokens, st.integers(1, 5), st.integers(-1, 40))
@example([270, 275, 270], 1, -1)  # what would repeat is a breaker, which no penalty holds back
def test_dry_is_llamas(model: LoadedModel, tokens: list[int], allowed: int, last: int) -> None:
    vocabulary = read_vocabulary(model, "base")
    newline = vocabulary.encode("\n")[-1]
    tokens = [newline if token == 275 else token for token in tokens]
    logits = np.linspace(-3, 3, vocabulary.n_tokens).astype(np.float32)
    breakers = (ctypes.c_char_p * len(BREAKERS))(*(text.encode() for text in BREAKERS))
    sampler = api.llama_sampler_init_dry(
        model.vocab, 0.8, 1.75, allowed, last if last >= 0 else 4096, breakers, len(BREAKERS)
    )
    theirs = apply(sampler, logits, tokens)
    options = Sampling(dry_multiplier=0.8, dry_allowed_length=allowed, dry_last=last)

    def is_breaker(token: int) -> bool:
        return any(text.encode() in vocabulary.piece(token) for text in BREAKERS)

    ours = penalize(logits, tokens, options, is_breaker)
    np.testing.assert_allclose(ours, [theirs[n] for n in range(len(logits))], rtol=1e-4, atol=1e-4)


@settings(max_examples=100, deadline=None)
@given(
    few_tokens, st.floats(-2, 2, width=32), st.floats(-2, 2, width=32), st.floats(0.5, 2, width=32)
)
def test_presence_and_frequency_penalties_are_llamas(
    model: LoadedModel, tokens: list[int], presence: float, frequency: float, repeat: float
) -> None:
    logits = np.linspace(-3, 3, api.llama_vocab_n_tokens(model.vocab)).astype(np.float32)
    sampler = api.llama_sampler_init_penalties(len(logits), 16, repeat, frequency, presence)
    theirs = apply(sampler, logits, tokens)
    options = Sampling(
        repeat_penalty=repeat,
        repeat_last=16,
        presence_penalty=presence,
        frequency_penalty=frequency,
    )
    ours = penalize(logits, tokens, options)
    np.testing.assert_allclose(ours, [theirs[n] for n in range(len(logits))], rtol=1e-4, atol=1e-4)


rows = st.lists(st.integers(-800, 800), min_size=2, max_size=40, unique=True)


@settings(max_examples=200, deadline=None)
@given(rows, st.floats(0.05, 0.99))
def test_typical_sampling_is_llamas(row: list[int], typical_p: float) -> None:
    logits = (np.array(row) / 100).astype(np.float32)
    theirs = apply(api.llama_sampler_init_typical(typical_p, 1), logits)
    ours, _ = candidate_probabilities(logits, Sampling(temperature=1, typical_p=typical_p))
    assert abs(len(set(ours) ^ set(theirs))) <= 1  # float32 sums there: one token at the edge


@settings(max_examples=200, deadline=None)
@given(rows, st.floats(0.02, 0.5))
def test_xtc_is_llamas(row: list[int], threshold: float) -> None:
    logits = (np.array(row) / 100).astype(np.float32)
    theirs = apply(api.llama_sampler_init_xtc(1.0, threshold, 1, 7), logits)
    sampling = Sampling(temperature=1, xtc_probability=1, xtc_threshold=threshold)
    ours, _ = candidate_probabilities(logits, sampling, excludes_top=True)
    assert set(ours.tolist()) == set(theirs)


def test_xtc_excludes_as_often_as_it_says() -> None:
    logits = np.log(np.array([0.6, 0.3, 0.1], np.float32))
    sample = make_sampler(Sampling(temperature=1, xtc_probability=0.5, xtc_threshold=0.2, seed=3))
    share = np.mean([sample(logits, []) == 0 for _ in range(4000)])
    assert share == pytest.approx(0.3, abs=0.03)
