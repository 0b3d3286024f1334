from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from localcollab.decoding.sampling import Sampling, candidate_probabilities, make_sampler, penalize
from localcollab.errors import BadOption

P = np.array([0.4, 0.3, 0.2, 0.1])
LOGITS = np.log(P).astype(np.float32)
rows = hnp.arrays(np.float32, 12, elements=st.floats(-8, 8, width=32), unique=True)


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, {0: 0.4, 1: 0.3, 2: 0.2, 3: 0.1}),
        ({"top_k": 2}, {0: 4 / 7, 1: 3 / 7}),
        ({"top_p": 0.65}, {0: 4 / 7, 1: 3 / 7}),
        ({"top_p": 0.75}, {0: 4 / 9, 1: 3 / 9, 2: 2 / 9}),
        ({"min_p": 0.6}, {0: 4 / 7, 1: 3 / 7}),
        ({"temperature": 0.5}, {0: 16 / 30, 1: 9 / 30, 2: 4 / 30, 3: 1 / 30}),
    ],
)
def test_candidates_match_the_definition(options: dict[str, float], kept: dict[int, float]) -> None:
    tokens, p = candidate_probabilities(LOGITS, Sampling(**({"temperature": 1.0} | options)))  # type: ignore[arg-type]
    assert tokens.tolist() == list(kept)
    np.testing.assert_allclose(p, list(kept.values()), rtol=1e-5)


def test_samples_follow_the_probabilities() -> None:
    sample = make_sampler(Sampling(temperature=1, seed=5))
    counts = Counter(sample(LOGITS, []) for _ in range(20_000))
    np.testing.assert_allclose([counts[i] / 20_000 for i in range(4)], P, atol=0.015)


@given(rows, st.integers(0, 12), st.floats(0.05, 1), st.floats(0, 1))
def test_filters_keep_the_likeliest_token_and_only_likelier_ones(
    logits: np.ndarray, top_k: int, top_p: float, min_p: float
) -> None:
    sampling = Sampling(temperature=0.7, top_k=top_k, top_p=top_p, min_p=min_p)
    tokens, p = candidate_probabilities(logits, sampling)
    ranked = np.argsort(-logits)
    assert tokens.tolist() == ranked[: len(tokens)].tolist()
    assert p.sum() == pytest.approx(1)


def test_a_token_of_no_probability_is_never_sampled() -> None:
    logits = np.array([0, -np.inf, 0, -np.inf], np.float32)
    sample = make_sampler(Sampling(temperature=50))
    assert {sample(logits, []) for _ in range(200)} == {0, 2}


def test_the_repeat_penalty_makes_recent_tokens_less_likely() -> None:
    logits = np.array([2.0, -2.0, 1.0], np.float32)
    penalized = penalize(logits, [2, 0, 1], Sampling(repeat_penalty=2, repeat_last=2))
    assert (penalized.tolist(), logits.tolist()) == ([1.0, -4.0, 1.0], [2.0, -2.0, 1.0])


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": -1},
        {"top_p": 0},
        {"top_p": 1.5},
        {"min_p": -0.1},
        {"top_k": -1},
        {"seed": -1},
    ],
)
def test_options_outside_their_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(BadOption, match=next(iter(options))):
        Sampling(**options)  # type: ignore[arg-type]
