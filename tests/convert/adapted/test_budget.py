"""How much fits the time and the memory."""

from pathlib import Path

import pytest

from localcollab.errors import BadOption
from localcollab.llama.header import Header, Tensor, Value
from localcollab_convert.adapted.budget import (
    BEST_ROUNDS,
    TRAINING_SHARE,
    best_rounds,
    memory_bytes,
    plan_rounds,
    require_memory,
    step_tokens,
)
from localcollab_convert.adapted.layers import Shape

pytestmark = pytest.mark.slow


def test_without_minutes_the_documents_get_what_they_take() -> None:
    budget = plan_rounds(300, tokens_per_round=12_000, tokens_per_second=200, minutes=None)
    assert budget.n_rounds == BEST_ROUNDS
    assert budget.training_minutes == pytest.approx(BEST_ROUNDS)
    assert budget.minutes == pytest.approx(BEST_ROUNDS / TRAINING_SHARE)


def test_the_rounds_fit_the_minutes() -> None:
    budget = plan_rounds(300, tokens_per_round=12_000, tokens_per_second=200, minutes=16)
    assert budget.n_rounds == int(16 * TRAINING_SHARE)
    assert budget.minutes <= 16


def test_too_few_minutes_are_refused_with_what_can_be_done() -> None:
    with pytest.raises(BadOption) as caught:
        plan_rounds(300, tokens_per_round=12_000, tokens_per_second=200, minutes=5)
    assert "`minutes` is 5" in str(caught.value)
    assert "300 statements need 9 minutes, and about 175 can be learned in 5" in str(caught.value)
    budget = plan_rounds(174, 12_000 * 174 / 300, 200, minutes=5)
    assert budget.n_rounds >= 6


def test_few_documents_get_more_rounds() -> None:
    assert [best_rounds(tokens) for tokens in (300, 1_200, 100_000)] == [64, 24, 24]


@pytest.mark.parametrize(("tokens_per_round", "step"), [(100, 160), (10_000, 480), (10**6, 640)])
def test_few_documents_get_small_steps(tokens_per_round: int, step: int) -> None:
    assert step_tokens(tokens_per_round) == step


def test_memory_grows_with_the_base_and_too_much_is_refused() -> None:
    def base(layers: int, n_parameters: int) -> Header:
        numbers: dict[str, Value] = {"block_count": layers, "embedding_length": 576,
                                     "feed_forward_length": 1536}  # fmt: skip
        metadata = {f"llama.{key}": value for key, value in numbers.items()}
        return Header(
            Path("b.gguf"), 0, {"general.architecture": "llama", **metadata},
            {"tokenizer.ggml.tokens": 49152}, (Tensor("w", (n_parameters,), 0, 0),),
        )  # fmt: skip

    small = memory_bytes(base(30, 135_000_000), Shape(), 640)
    large = memory_bytes(base(60, 1_000_000_000), Shape(), 640)
    assert 1.0e9 < small < 2.5e9
    assert large > 5e9
    require_memory(2**20)
    with pytest.raises(BadOption, match=r"`base` needs about 9765625\.0 GiB"):
        require_memory(9765625 * 2**30)
