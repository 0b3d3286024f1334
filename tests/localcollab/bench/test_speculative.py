"""The figures of proposed tokens: what counts, what is left out, and the curves' picture."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import ScriptedModel
from localcollab.bench.costs import draw_curves
from localcollab.bench.speculative import answer_twice, dictate_twice, timed
from localcollab.decoding.controller import Speculation
from localcollab.decoding.generate import generate


def ticking() -> Iterator[float]:
    n = 0.0
    while True:
        yield n
        n += 1.0


def test_both_ways_write_the_same_after_one_that_does_not_count() -> None:
    model = ScriptedModel(b"abcabcabcabcabc")
    clock = ticking()
    found = answer_twice(model, [1], Speculation(model, depth=3), lambda: next(clock))
    assert (found.n_tokens, found.is_same, found.is_loop) == ((15, 15), True, False)
    assert found.accepted > 5
    # Each is timed by two ticks of this clock: 14 tokens in one.
    assert (found.speeds, found.ratio) == ((14.0, 14.0), 1.0)


def test_a_loop_is_told() -> None:
    model = ScriptedModel(b"round and round " * 40, n_ctx=1024)
    clock = ticking()
    found = answer_twice(
        model, [1], Speculation(model, depth=3), lambda: next(clock), max_tokens=600
    )
    assert found.is_loop


def test_a_dictated_answer_is_written_whatever_the_model_says() -> None:
    model = ScriptedModel(b"no")
    clock = ticking()
    speculation = Speculation(model, depth=2)
    found = dictate_twice(
        model, list(b"say yes yes yes:"), "yes yes", speculation, lambda: next(clock)
    )
    assert found.n_tokens == (7, 7)


def test_speed_counts_what_comes_after_the_first_token() -> None:
    clock = ticking()
    end, speed = timed(generate(ScriptedModel(b"abcde"), [1]), lambda: next(clock))
    assert (len(end.tokens), speed) == (5, 4.0)


def test_cost_curves_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    points = [(1, 1.0), (2, 1.6), (4, 1.7), (8, 3.2)]
    draw_curves({"team": {"base": points, "expert": points[:3]}}, tmp_path / "costs.png")
    assert (tmp_path / "costs.png").read_bytes().startswith(b"\x89PNG")
