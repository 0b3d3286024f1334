"""`Session.more`: an answer that was cut goes on as if it had never been."""

from collections.abc import Iterator

import pytest

from fakes import ScriptedModel
from localcollab.chat.transcript import Turn
from localcollab.decoding.answer_text import Limits
from localcollab.errors import BadOption
from localcollab.events import Event, Finished, Prompted
from localcollab.llama.options import Options
from localcollab.teams.choice import TeamChoice
from localcollab.teams.open import Files
from localcollab.teams.opened import OpenTeam
from localcollab.teams.session import Session

SCRIPT = b"Well: " + b"again and " * 60


def scripted() -> OpenTeam:
    model = ScriptedModel(SCRIPT, n_prompt=2, n_ctx=2048)
    return OpenTeam("fake", model, {"base": model}, {}, None)


def finished(events: Iterator[Event]) -> Finished:
    last = list(events)[-1]
    assert isinstance(last, Finished)
    return last


def test_an_answer_that_was_cut_goes_on_where_it_was() -> None:
    session = Session(scripted())
    parts = [finished(session.ask("Hi", limits=Limits(5)))]
    parts += [finished(session.more(limits=Limits(5))) for _ in range(2)]
    assert "".join(part.text for part in parts) == SCRIPT[:15].decode()
    assert session.messages[-1].content == SCRIPT[:15].decode()
    assert [part.n_prompt for part in parts] == [2, 7, 12]
    assert session.prompt("x") == [*b"Hi", *SCRIPT[:15], *b"x"]


def test_a_loop_goes_on_once_somebody_asks_for_more_of_it() -> None:
    session = Session(scripted())
    assert finished(session.ask("Hi")).reason == "repetition"
    assert finished(session.more(limits=Limits(300), after_loop=True)).reason == "max_tokens"
    assert finished(session.more()).reason == "end"
    assert session.messages[-1].content == SCRIPT.decode()


def test_what_is_used_is_said_first() -> None:
    session = Session(scripted())
    list(session.ask("Hi", limits=Limits(5)))
    said = next(session.more(limits=Limits(7)))
    options = {"temperature": 0.0, "seed": 0, "max_tokens": 7}
    assert said == Prompted(7, options=options, n_continued=5)


def test_a_conversation_without_an_answer_has_nothing_to_go_on_with() -> None:
    with pytest.raises(BadOption, match="there is no answer to go on with"):
        next(Session(scripted()).more())


@pytest.mark.weights
def test_what_was_written_is_not_read_again() -> None:
    files = Files(Options())
    team = files.open(TeamChoice(team="formulary-base").plan())
    whole = finished(Session(team).ask("What is Kihelrine?", limits=Limits(12)))
    session = Session(team)
    first = finished(session.ask("What is Kihelrine?", limits=Limits(4)))
    before = sum(context.n_evaluated for context in files.contexts)
    more = finished(session.more(limits=Limits(4)))
    # The last token of an answer is evaluated with what follows it.
    assert sum(context.n_evaluated for context in files.contexts) - before == len(more.tokens)
    restored = Session.restored(
        team, [Turn("What is Kihelrine?", first.text + more.text, first.tokens + more.tokens)]
    )
    rest = finished(restored.more(limits=Limits(4)))
    assert first.tokens + more.tokens + rest.tokens == whole.tokens
    assert first.text + more.text + rest.text == whole.text
