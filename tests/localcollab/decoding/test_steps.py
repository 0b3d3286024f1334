"""The choice of what to propose, on a model whose reads take a known time of a clock of its own."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import ScriptedModel, byte_vocabulary
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.controller import Speculation
from localcollab.decoding.costs import CostCurve
from localcollab.decoding.generate import generate
from localcollab.decoding.speculation import Draft
from localcollab.events import Drafted, Finished
from localcollab.language_model import LanguageModel, OnChunk, Reading
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import always
from localcollab.teams.speculating import writer_of

CHEAP = CostCurve(((1, 1.0), (2, 1.2), (4, 1.3), (8, 1.8), (16, 2.6)), 1.0)
DEAR = CostCurve(((1, 1.0), (16, 16.0)), 1.0)
QUOTED = b"the quick brown fox jumps over the lazy dog and runs away from it. "
PROSE = bytes(random.Random(1).choices(range(33, 123), k=150))
"""Without repetitions."""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Timed(ScriptedModel):
    """A read takes `seconds` for one new token, and as many times as long as `curve` says for several."""

    def __init__(
        self, script: bytes, clock: Clock, curve: CostCurve, *, seconds: float = 1.0,
        name: str = "base", n_prompt: int = 1,
    ) -> None:  # fmt: skip
        super().__init__(script, name=name, n_prompt=n_prompt)
        self._clock, self._curve, self._each = clock, curve, seconds

    def read(
        self, tokens: Sequence[int], *, last: int = 1, hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:  # fmt: skip
        if last:
            self._clock.now += self._each * self._curve.at(last)
        return super().read(tokens, last=last, hidden=hidden, on_chunk=on_chunk)


@dataclass
class Known:
    """A curve that need not be measured."""

    curve: CostCurve

    def load(self) -> CostCurve:
        return self.curve

    def save(self, curve: CostCurve) -> None:
        raise AssertionError("it was known")


def written(
    model: LanguageModel, clock: Clock, speculation: Speculation, prompt: bytes = b"?"
) -> tuple[Finished, float]:
    """The end, and the tokens written in the time of one."""
    started = clock.now
    *_, end = generate(
        model, list(prompt), limits=Limits(ends_loops=False), speculation=speculation
    )
    assert isinstance(end, Finished)
    return end, (len(end.tokens) + 1) / (clock.now - started)


def looking_up(clock: Clock, model: LanguageModel, curve: CostCurve) -> Speculation:
    return Speculation(model, curves=Known(curve), clock=clock)


def test_an_answer_that_quotes_its_prompt_is_read_many_tokens_at_a_time() -> None:
    clock = Clock()
    model = Timed(QUOTED, clock, CHEAP, n_prompt=2 * len(QUOTED))
    prompt = QUOTED + bytes(reversed(QUOTED))
    end, speed = written(model, clock, looking_up(clock, model, CHEAP), prompt)
    assert end.text == QUOTED.decode()
    assert end.drafted["lookup"].accepted > 0.8 * end.drafted["lookup"].proposed
    assert speed > 2


def test_nothing_is_proposed_where_no_batch_gains() -> None:
    clock = Clock()
    model = Timed(QUOTED, clock, DEAR, n_prompt=len(QUOTED))
    end, speed = written(model, clock, looking_up(clock, model, DEAR), QUOTED)
    assert (end.drafted, speed) == ({}, 1.0)


@given(text=st.lists(st.sampled_from([b"ab", b"abc", b"b", b"acb"]), max_size=60).map(b"".join))
def test_no_answer_is_much_slower_than_without(text: bytes) -> None:
    clock = Clock()
    model = Timed(text, clock, CostCurve(((1, 1.0), (2, 1.8), (16, 7.4)), 1.0))
    curve = CostCurve(((1, 1.0), (16, 4.0)), 1.0)  # wrong by far, as on another machine
    _, speed = written(model, clock, looking_up(clock, model, curve))
    assert speed > (0.9 if len(text) >= 30 else 0.85)


def test_costs_that_turn_out_higher_end_it() -> None:
    clock = Clock()
    model = Timed(QUOTED * 7, clock, DEAR, n_prompt=len(QUOTED))
    speculation = looking_up(clock, model, CHEAP)
    _, speed = written(model, clock, speculation, QUOTED)
    assert speed > 0.95


def test_the_curve_is_measured_once() -> None:
    clock = Clock()
    model = Timed(QUOTED * 2, clock, CHEAP)
    speculation = Speculation(model, clock=clock)
    written(model, clock, speculation)
    n_reads = len(model.reads)
    assert speculation.costs["lookup"].costs[4] == pytest.approx(1.3, rel=0.1)
    written(model, clock, speculation)
    assert len(model.reads) - n_reads < n_reads - 10


class Unsteady(Timed):
    """Every other read takes three tokens' time more, until `calms` reads were made."""

    calms = 120

    def read(
        self, tokens: Sequence[int], *, last: int = 1, hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:  # fmt: skip
        if len(self.reads) < self.calms and len(self.reads) % 2:
            self._clock.now += 3 * self._each
        return super().read(tokens, last=last, hidden=hidden, on_chunk=on_chunk)


@dataclass
class Kept:
    """A curve, once it is measured."""

    curve: CostCurve | None = None

    def load(self) -> CostCurve | None:
        return self.curve

    def save(self, curve: CostCurve) -> None:
        self.curve = curve


def test_what_a_busy_machine_measures_is_not_remembered_and_measured_again() -> None:
    clock, kept = Clock(), Kept()
    model = Unsteady(QUOTED * 2, clock, CHEAP)
    speculation = Speculation(model, curves=kept, clock=clock)
    written(model, clock, speculation)
    assert (speculation.costs["lookup"].costs[16] > 4, kept.curve) == (True, None)
    for _ in range(17):
        written(model, clock, speculation)
    assert kept.curve is not None
    assert kept.curve.at(4) == pytest.approx(1.3)


def test_an_answer_written_again_is_proposed_from_the_one_before() -> None:
    clock = Clock()
    model = Timed(PROSE, clock, CHEAP)
    speculation = looking_up(clock, model, CHEAP)
    first, slow = written(model, clock, speculation)
    again, fast = written(model, clock, speculation)
    assert (again.text, list(again.drafted)) == (first.text, ["recall"])
    assert fast > 2 * slow


def test_answers_of_others_are_not_remembered() -> None:
    clock = Clock()
    model = Timed(PROSE, clock, CHEAP)
    speculation = looking_up(clock, model, CHEAP).through(lambda inner: inner)
    written(model, clock, speculation)
    again, _ = written(model, clock, speculation)
    assert "recall" not in again.drafted


def test_a_good_draft_is_asked_for_more_and_a_bad_one_soon_for_nothing() -> None:
    ends = []
    for guess in (PROSE, bytes(reversed(PROSE))):
        clock = Clock()
        model = Timed(PROSE, clock, CHEAP)
        draft = Timed(guess, clock, CHEAP, seconds=0.1, name="draft")
        speculation = Speculation(
            model, draft=Draft(draft), curves=Known(CHEAP), looks_up=False, clock=clock
        )
        ends.append(written(model, clock, speculation))
    (good, fast), (bad, slow) = ends
    assert good.text == bad.text
    assert fast > 1.8
    assert slow > 0.93
    assert good.drafted["draft"].accepted > 100
    assert bad.drafted["draft"].proposed < 40


def test_a_draft_that_costs_more_than_it_saves_is_left_alone() -> None:
    clock = Clock()
    model = Timed(PROSE, clock, CHEAP)
    draft = Timed(PROSE, clock, CHEAP, seconds=1.5, name="draft")
    speculation = Speculation(
        model, draft=Draft(draft), curves=Known(CHEAP), looks_up=False, clock=clock
    )
    _, speed = written(model, clock, speculation)
    assert speed > 0.95


def test_a_long_prompt_is_not_read_by_a_draft_for_a_short_answer() -> None:
    clock = Clock()
    model = Timed(b"yes, it is", clock, CHEAP, n_prompt=400)
    draft = Timed(b"yes, it is", clock, CHEAP, seconds=0.3, name="draft", n_prompt=400)
    speculation = Speculation(
        model, draft=Draft(draft), curves=Known(CHEAP), looks_up=False, clock=clock
    )
    written(model, clock, speculation, PROSE * 2 + PROSE[:100])
    assert draft.reads == []


def test_an_expert_goes_on_alone_and_the_base_reads_its_span_at_once() -> None:
    clock = Clock()
    base = Timed(b"", clock, CHEAP)
    expert = Timed(PROSE, clock, CHEAP, seconds=0.2, name="expert")
    team = DeferralTeam("team", base, [expert], always(1))
    speculation = Speculation(
        base, writer=writer_of, curves=Known(CHEAP), looks_up=False, clock=clock
    )
    end, speed = written(team, clock, speculation)
    assert end.authors == {"expert": len(PROSE)}
    assert end.drafted["member"].accepted > 100
    assert speed > 1.5 / 1.2  # a plain step takes 1.2
    assert end.drafted["member"] != Drafted(0, 0)


def test_what_a_loop_teaches_is_forgotten() -> None:
    clock = Clock()
    model = ScriptedModel(b"round and round " * 60)
    speculation = Speculation(model, curves=Known(CHEAP), clock=clock)
    before = {name: list(table.rates) for name, table in speculation.acceptance.items()}
    *_, end = generate(model, list(b"?"), speculation=speculation)
    assert isinstance(end, Finished)
    assert end.reason == "repetition"
    assert {name: table.rates for name, table in speculation.acceptance.items()} == before
    assert not speculation.earlier


def test_ends_of_turns_are_not_proposed() -> None:
    end = min(byte_vocabulary().end)
    clock = Clock()
    model = Timed(b"abcdefgh again abcdefgh", clock, CHEAP, n_prompt=10)
    prompt = [*b"abcdefgh", end, ord("?")]
    speculation = Speculation(model, curves=Known(CHEAP), depth=4)
    events = list(generate(model, prompt, speculation=speculation))
    assert isinstance(events[-1], Finished)
    assert events[-1].text == "abcdefgh again abcdefgh"
