import itertools
from collections.abc import Sequence

import pytest

from fakes import ScriptedModel
from localcollab.decoding import costs
from localcollab.decoding.costs import LONGEST, BatchCosts, CostCurve, measure_curve
from localcollab.errors import BadOption
from localcollab.language_model import OnChunk, Reading

CURVE = CostCurve(((1, 1.0), (2, 1.6), (4, 1.7), (8, 3.2), (16, 4.0)), 0.04)


class Timed(ScriptedModel):
    """Takes `cost(last)` seconds of a clock of its own."""

    seconds = 0.0

    def read(
        self, tokens: Sequence[int], *, last: int = 1, hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:  # fmt: skip
        self.seconds += CURVE.at(last) * CURVE.seconds if last else 0.0
        return super().read(tokens, last=last, hidden=hidden, on_chunk=on_chunk)


class Rebuilding(Timed):
    """Takes half a token's time more where the number of tokens is another one than before."""

    def read(
        self, tokens: Sequence[int], *, last: int = 1, hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:  # fmt: skip
        if self.reads and last and last != self.reads[-1][1]:
            self.seconds += 0.5 * CURVE.seconds
        return super().read(tokens, last=last, hidden=hidden, on_chunk=on_chunk)


def test_between_sizes_and_beyond_them_the_curve_is_straight() -> None:
    assert [CURVE.at(n) for n in (1, 2, 3, 4, 6, 16, 24)] == pytest.approx(
        [1, 1.6, 1.65, 1.7, 2.45, 4.0, 4.8]
    )


def test_one_size_says_that_nothing_is_gained() -> None:
    assert CostCurve(((1, 1.0),), 1.0).at(5) == 5


def test_a_curve_is_measured_as_it_is() -> None:
    model = Timed(b"")
    curve = measure_curve(model, [1] * 9, clock=lambda: model.seconds)
    assert curve.seconds == pytest.approx(CURVE.seconds)
    assert dict(curve.points) == pytest.approx(dict(CURVE.points))


def test_the_text_stays_and_what_is_read_for_the_measurement_lies_behind_it() -> None:
    model = Timed(b"")
    measure_curve(model, [7, 8, 9], clock=lambda: model.seconds)
    ones = {(3 + n, 1) for n in (1, 2, 3)}
    batches = {(3 + k, k) for k in (2, 4, 8, 16)}
    assert model.reads[0] == (3, 0)
    assert set(model.reads[1:]) == ones | batches | {(n + 1, 1) for n, _ in batches}


def test_the_token_after_a_batch_is_a_part_of_its_cost() -> None:
    model = Rebuilding(b"")
    curve = measure_curve(model, [1] * 9, clock=lambda: model.seconds)
    assert dict(curve.points)[4] == pytest.approx(CURVE.at(4) + 2 * 0.5)


def test_a_slow_model_is_not_measured_for_long() -> None:
    model = Timed(b"")
    curve = measure_curve(model, [1], clock=lambda: 50 * model.seconds)
    assert len(model.reads) < 13
    assert [size for size, _ in curve.points] == [1, 4]


class Disturbed(Timed):
    """Every other read takes longer by five tokens, as where another program takes the core."""

    def read(
        self, tokens: Sequence[int], *, last: int = 1, hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:  # fmt: skip
        if len(self.reads) % 2 == 0:
            self.seconds += 5 * CURVE.seconds
        return super().read(tokens, last=last, hidden=hidden, on_chunk=on_chunk)


def test_a_curve_of_a_busy_machine_is_not_steady() -> None:
    calm, busy = Timed(b""), Disturbed(b"")
    assert measure_curve(calm, [1] * 9, clock=lambda: calm.seconds).is_steady
    assert not measure_curve(busy, [1] * 9, clock=lambda: busy.seconds).is_steady


def test_a_curve_of_threads_that_others_interrupt_is_not_steady(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted = iter([7, 7 + 5_000])
    monkeypatch.setattr(costs, "_preemptions", lambda: next(counted))
    model = Timed(b"")
    assert not measure_curve(model, [1] * 9, clock=lambda: model.seconds).is_steady


def test_a_full_context_leaves_small_batches() -> None:
    model = Timed(b"", n_ctx=12)
    curve = measure_curve(model, [1] * 7, clock=lambda: model.seconds)
    assert [size for size, _ in curve.points] == [1, 2, 4]


@pytest.mark.parametrize(
    "points", [(), ((2, 1.0),), ((1, 1.0), (1, 2.0)), ((1, 1.0), (2, -1.0)), ((1, float("nan")),)]
)
def test_a_damaged_curve_is_refused(points: tuple[tuple[int, float], ...]) -> None:
    with pytest.raises(BadOption, match="measure"):
        CostCurve(points, 0.1)


def test_what_a_read_costs_now_is_learned_of_its_own_size_first() -> None:
    costs = BatchCosts(CURVE)
    before = list(costs.costs)
    for _ in range(12):
        costs.correct(4, 3.4)
    assert costs.costs[4] == pytest.approx(3.4, rel=0.1)
    assert 1 < costs.costs[8] / before[8] < costs.costs[4] / before[4]
    assert costs.costs[:2] == before[:2]
    assert len(costs.costs) == LONGEST + 2
    assert all(a > 0 for a in itertools.chain(costs.costs[1:]))
