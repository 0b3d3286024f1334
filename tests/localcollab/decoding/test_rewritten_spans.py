"""A doubted span is written by another author, if all together find that likelier."""

from dataclasses import replace

import pytest

from fakes import ScriptedModel, fixed
from going_back import shown, team_of
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.decoding.second_thoughts import MOST_EXTRA, Doubts
from localcollab.decoding.speculation import Draft
from localcollab.decoding.triggers import Span, Trigger
from localcollab.events import Event, Finished, Retracted, Token

N_PROMPT = 60
TEXT = b"One dose is 60 mg, or 60 drops."
WRONG = b"One dose is 90 mg, or 90 drops."
DIGITS = [at for at, (a, b) in enumerate(zip(TEXT, WRONG, strict=True)) if a != b]


class Team:
    """The base would write TEXT, the experts write WRONG where they are asked: at every wrong digit."""

    def __init__(
        self, pi: tuple[float, float, float] = (0.4, 0.35, 0.25), n: int = N_PROMPT
    ) -> None:
        self.prompt = [1] * n
        self.base = ScriptedModel(TEXT, n_prompt=n)
        self.experts = [ScriptedModel(WRONG, n_prompt=n, name=name) for name in ("one", "two")]
        self.model = team_of(self.base, self.experts, dict.fromkeys(DIGITS, pi[1:]), n)
        self.doubts = Doubts((doubting("90"),), ("base", "one", "two"), self.model.others)

    def events(self, doubts: Doubts | None, **limits: object) -> list[Event]:
        found = Limits(**limits)  # type: ignore[arg-type]
        return list(generate(self.model, self.prompt, limits=found, second_thoughts=doubts))


def doubting(text: str) -> Trigger:
    def doubt(span: Span) -> str | None:
        return f"says {text}" if text in span.words else None

    return Trigger("words", doubt)


def end(events: list[Event]) -> Finished:
    last = events[-1]
    assert isinstance(last, Finished)
    return last


def test_the_base_writes_a_doubted_span_where_all_find_that_likelier() -> None:
    team = Team()
    events = team.events(team.doubts)
    backs = [event for event in events if isinstance(event, Retracted)]
    assert end(events).text == TEXT.decode()
    assert [(back.text, back.why, back.author) for back in backs] == [("90 ", "says 90", "one")] * 2
    assert shown(events) == end(events).text
    assert sum(end(events).authors.values()) == len(end(events).tokens)
    assert end(events).authors == {"base": len(TEXT)}


def test_what_all_find_likelier_stays_although_it_is_doubted() -> None:
    team = Team(pi=(0.2, 0.5, 0.3))
    events = team.events(team.doubts)
    assert end(events).text == WRONG.decode()
    assert not [event for event in events if isinstance(event, Retracted)]


def test_without_a_doubt_the_same_is_read_and_written() -> None:
    with_, without = Team(), Team()
    events = with_.events(replace(with_.doubts, triggers=(doubting("unsaid"),)))
    plain = without.events(None)
    assert [event for event in events if isinstance(event, Token)] == [
        event for event in plain if isinstance(event, Token)
    ]
    models = zip((with_.base, *with_.experts), (without.base, *without.experts), strict=True)
    assert all(mine.reads == theirs.reads for mine, theirs in models)


def test_an_alternative_that_is_doubted_too_is_not_taken() -> None:
    team = Team()
    events = team.events(replace(team.doubts, triggers=(doubting("0"),)))
    assert end(events).text == WRONG.decode()


@pytest.mark.parametrize("n_prompt", [4, 12, 20, 60])
def test_no_more_than_a_quarter_is_written_in_vain(n_prompt: int) -> None:
    team = Team(n=n_prompt)
    events = team.events(team.doubts)
    finished = end(events)
    assert finished.n_rewritten <= MOST_EXTRA * (n_prompt + len(finished.tokens))
    assert any(isinstance(event, Retracted) for event in events) == (n_prompt > 4)


@pytest.mark.parametrize("most", range(12, 20))
def test_a_limit_of_tokens_holds(most: int) -> None:
    team = Team()
    events = team.events(team.doubts, max_tokens=most)
    assert len(end(events).tokens) <= most
    assert shown(events) == end(events).text


def test_a_stop_string_within_what_is_written_again_ends_the_answer() -> None:
    team = Team()
    events = team.events(team.doubts, stop=("60",))
    assert (end(events).reason, end(events).text) == ("stop_string", "One dose is ")
    assert shown(events) == end(events).text


def test_proposed_tokens_change_nothing() -> None:
    team = Team()
    draft = Draft(ScriptedModel(WRONG, n_prompt=N_PROMPT, name="draft"))
    events = list(
        generate(team.model, team.prompt, speculation=fixed(draft, 4), second_thoughts=team.doubts)
    )
    assert end(events).text == TEXT.decode()
    assert shown(events) == end(events).text


def test_held_back_tokens_are_those_that_stay() -> None:
    team = Team()
    events = team.events(replace(team.doubts, holds=True))
    assert shown(events) == end(events).text == TEXT.decode()
    assert not [event for event in events if isinstance(event, Retracted)]
    assert end(events).n_rewritten


def test_only_a_doubtful_span_and_what_follows_it_is_held_back() -> None:
    team = Team()
    doubts = replace(team.doubts, holds=True)
    written: list[tuple[str, int]] = []
    for event in generate(team.model, team.prompt, second_thoughts=doubts):
        if isinstance(event, Token):
            written.append((event.text, team.base.reads[-1][0] - N_PROMPT))
    # Behind a span stand the rest of its word, a blank, and what is written in its place.
    assert [n - at for at, (_, n) in enumerate(written)][: DIGITS[0]] == [0] * DIGITS[0]
    assert max(n - at for at, (_, n) in enumerate(written)) <= 4


def test_a_loop_ends_an_answer_that_is_held_back() -> None:
    loop = ScriptedModel(b"so " + b"on and " * 80, n_prompt=N_PROMPT, n_ctx=2000)
    events = list(generate(loop, [1] * N_PROMPT, second_thoughts=Doubts(holds=True)))
    assert end(events).reason == "repetition"


def test_a_doubt_that_half_a_word_is_enough_for_needs_no_more() -> None:
    team = Team()
    (trigger,) = team.doubts.triggers
    early = replace(team.doubts, triggers=(replace(trigger, doubt=nine, is_early=True),))
    events = team.events(early)
    assert [event.text for event in events if isinstance(event, Retracted)] == ["9"] * 2
    assert end(events).text == TEXT.decode()


def nine(span: Span) -> str | None:
    return "says 9" if span.text.startswith("9") else None


def test_others_are_the_members_that_were_not_preferred() -> None:
    team = Team()
    tokens = [*team.prompt, *WRONG[: DIGITS[0]]]
    found = [
        (name, int(row.argmax()))
        for name, row in team.model.others(tokens, team.model.read(tokens))
    ]
    assert found == [
        ("base", TEXT[DIGITS[0]]),
        ("two", WRONG[DIGITS[0]]),
        ("one", WRONG[DIGITS[0]]),
    ]
