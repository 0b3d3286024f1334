"""A server sends what stays; each token keeps what stood behind it."""

import threading
from collections.abc import Iterator

import pytest

from fakes import ScriptedModel
from going_back import team_of
from localcollab.catalog.settings import Settings
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.events import Finished
from localcollab.server.seats import Seat, Turn
from localcollab.server.writing import Ask, AskEvent, Written, write
from localcollab.teams.opened import OpenTeam

N_PROMPT = 80
TEXT, WRONG = b"One dose is 60 mg of it in all.", b"One dose is 90 mg of it in all."
AT = TEXT.index(b"6")


def seat(*, second_thoughts: bool) -> Seat:
    """Expert one is not sure of its 9, the base of nothing; expert two knows."""
    base = ScriptedModel(TEXT, n_prompt=N_PROMPT, p=0.12)
    one = ScriptedModel(WRONG, n_prompt=N_PROMPT, name="one", p=0.3)
    two = ScriptedModel(TEXT, n_prompt=N_PROMPT, name="two", p=0.9)
    model = team_of(base, [one, two], {AT: (0.34, 0.33)}, N_PROMPT)
    members = {each.name: each for each in (base, one, two)}
    settings = Settings(second_thoughts=second_thoughts)
    return Seat(OpenTeam("team", model, members, {}, None, settings=settings), Turn())


def events(*, second_thoughts: bool) -> Iterator[AskEvent]:
    ask = Ask((1,) * N_PROMPT, Sampling(), Limits(), n_top=1)
    return write(seat(second_thoughts=second_thoughts), ask, threading.Event())


@pytest.mark.parametrize(("second_thoughts", "text"), [(False, WRONG), (True, TEXT)])
def test_what_is_sent_is_the_answer(second_thoughts: bool, text: bytes) -> None:
    *found, end = events(second_thoughts=second_thoughts)
    written = [event for event in found if isinstance(event, Written)]
    assert isinstance(end, Finished)
    assert "".join(each.token.text for each in written) == end.text == text.decode()
    assert {type(each.token.author) for each in written} == {str}


def test_a_token_has_what_stood_behind_it() -> None:
    found = [each for each in events(second_thoughts=True) if isinstance(each, Written)]
    tops = [[top.token for top in each.detail.top] for each in found]
    assert [top for at, top in enumerate(tops) if at != AT] == [
        [token] for at, token in enumerate(TEXT) if at != AT
    ]
    assert tops[AT] == []  # another member wrote it than the one that was asked
    assert found[AT].token.author == "two"
