"""An answer that is only checked against documents goes back where they say otherwise."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fakes import ScriptedModel
from localcollab.catalog.settings import Settings
from localcollab.documents.answer.answer import Library, ask
from localcollab.documents.answer.events import AnswerEvent
from localcollab.documents.collection import Collection
from localcollab.events import Finished, Retracted, Token
from localcollab.language_model import Float32Array
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import softmax_gate
from localcollab.teams.opened import OpenTeam
from localcollab.teams.session import Session

QUESTION = "How large is one dose of Zelin, please tell me?"
TEXT, WRONG = "One dose of Zelin is 60 mg.", "One dose of Zelin is 90 mg."
AT = TEXT.index("6")


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    (tmp_path / "zelin.txt").write_text(f"{TEXT} The maker of Zelin is Brixton Labs.")
    with Collection(None) as found:
        found.add([tmp_path / "zelin.txt"])
        yield found


def team(*, second_thoughts: bool = True) -> OpenTeam:
    """The expert is sure of another number than the documents'."""
    n = len(QUESTION)
    base = ScriptedModel(b"One dose of Zelin is 70 mg.", n_prompt=n)
    expert = ScriptedModel(WRONG.encode(), n_prompt=n, name="expert", p=0.999)
    rates = np.full((600, 1), 0.1, np.float32)
    rates[n + AT - 1] = 0.9

    def p_defer(hidden: Float32Array) -> Float32Array:
        n_read = base.reads[-1][0]
        return rates[n_read - len(hidden) : n_read]

    model = DeferralTeam("team", base, [expert], softmax_gate(p_defer))
    settings = Settings(second_thoughts=second_thoughts)
    return OpenTeam("team", model, {"base": base, "expert": expert}, {}, None, settings=settings)


def answered(
    team: OpenTeam, library: Library, *, takes_back: bool = True
) -> tuple[str, str, list[Retracted]]:
    """(the text, what somebody shows who obeys, what was taken back)"""
    events: list[AnswerEvent] = list(ask(Session(team), library, QUESTION, takes_back=takes_back))
    backs = [event for event in events if isinstance(event, Retracted)]
    shown: list[str] = []
    for event in events:
        if isinstance(event, Token):
            shown.append(event.text)
        elif isinstance(event, Retracted):
            del shown[len(shown) - event.n_tokens :]
    end = events[-1]
    assert isinstance(end, Finished)
    return end.text, "".join(shown), backs


def test_the_documents_write_what_they_put_otherwise(collection: Collection) -> None:
    library = Library(collection, "zelin", "check")
    text, shown, (back,) = answered(team(), library)
    assert text == shown == TEXT
    assert (back.text, back.author) == ("9", "expert")
    assert back.why == "is not what the passages say there"


def test_without_second_thoughts_documents_are_only_compared_with(collection: Collection) -> None:
    library = Library(collection, "zelin", "check")
    assert answered(team(second_thoughts=False), library) == (WRONG, WRONG, [])


@pytest.mark.parametrize("strict", [True, False])
def test_who_cannot_take_back_gets_what_stays(collection: Collection, strict: bool) -> None:
    library = replace(Library(collection, "zelin", "check"), strict=strict)
    assert answered(team(), library, takes_back=strict) == (TEXT, TEXT, [])
