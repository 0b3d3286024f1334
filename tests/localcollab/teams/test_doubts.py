"""What an open team is doubted by."""

from dataclasses import replace

import numpy as np
import pytest

from fakes import ScriptedModel
from going_back import team_of
from localcollab.catalog.settings import Settings
from localcollab.decoding.generate import generate
from localcollab.decoding.second_thoughts import Doubts
from localcollab.events import Finished, Retracted
from localcollab.methods.heads import Head, HeadMetadata
from localcollab.teams.doubts import doubts_of
from localcollab.teams.opened import OpenTeam

TEXT, WRONG, N_PROMPT = b"One dose is 60 mg.", b"One dose is 90 mg.", 60
AT = TEXT.index(b"6")


def team(head: Head | None = None, *, second_thoughts: bool = True) -> OpenTeam:
    """The expert is asked for one digit, which the base finds nearly as likely."""
    base = ScriptedModel(TEXT, n_prompt=N_PROMPT)
    one, two = (
        ScriptedModel(text, n_prompt=N_PROMPT, name=name)
        for text, name in ((WRONG, "one"), (TEXT, "two"))
    )
    model = team_of(base, [one, two], {AT: (0.35, 0.25)}, N_PROMPT)
    members = {each.name: each for each in (base, one, two)}
    settings = Settings(second_thoughts=second_thoughts)
    return OpenTeam("team", model, members, {}, None, head=head, settings=settings)


def judging(p: float, least_right: float) -> Head:
    """Finds every span right with probability `p`."""
    bias = np.array([np.log(p / (1 - p))], np.float32)
    tensors = {"right_weight": np.zeros(8, np.float32), "right_bias": bias}
    return Head(tensors, HeadMetadata("b", ("e",), "v", "d", least_right=least_right))


def names(doubts: Doubts | None) -> list[str]:
    return [trigger.name for trigger in doubts.triggers] if doubts else []


def test_without_second_thoughts_nothing_is_doubted() -> None:
    assert doubts_of(team(second_thoughts=False), "") is None


def test_a_model_alone_is_doubted_for_loops_only() -> None:
    alone = replace(team(), model=ScriptedModel(TEXT))
    assert doubts_of(alone, "") == Doubts()


def test_a_head_with_a_second_output_is_asked_as_well() -> None:
    assert names(doubts_of(team(), "")) == ["disagreement", "familiarity"]
    assert names(doubts_of(team(judging(0.2, 0.4)), "")) == [
        "disagreement", "familiarity", "learned",
    ]  # fmt: skip


@pytest.mark.parametrize(("least_right", "text"), [(0.4, TEXT), (0.1, WRONG), (0.0, WRONG)])
def test_a_span_that_is_hardly_right_is_written_again(least_right: float, text: bytes) -> None:
    opened = team(judging(0.2, least_right))
    events = list(
        generate(opened.model, [1] * N_PROMPT, second_thoughts=doubts_of(opened, "How much?"))
    )
    *_, end = events
    assert isinstance(end, Finished)
    assert end.text == text.decode()
    whys = [event.why for event in events if isinstance(event, Retracted)]
    if text == TEXT:
        assert whys == ["is right with probability 0.20 only"]
        assert end.confidences == ()
    else:
        assert whys == []
        assert end.confidence_line == "right with probability: 90 0.20"
