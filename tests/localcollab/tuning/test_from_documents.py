"""Questions without data: gaps in the sentences of documents."""

from pathlib import Path

import pytest

from localcollab.documents.collection import Collection
from localcollab.errors import BadOption
from localcollab.events import Token
from localcollab.history.records import Provenance
from localcollab.history.store import History
from localcollab.tuning.from_documents import questions_of, questions_of_history


def collection(folder: Path, text: str) -> Collection:
    (folder / "notes.txt").write_text(text)
    found = Collection(None)
    found.add([folder / "notes.txt"])
    return found


def test_a_gap_asks_for_a_name_or_a_number_that_stands_once(tmp_path: Path) -> None:
    text = "The bridge over the river was built by Telford in the year 1826 for the town."
    with collection(tmp_path, text) as opened:
        (question,) = questions_of(opened, seed=1)
    assert question.gold in ("Telford", "1826")
    assert question.text.partition("\n")[2] == text.replace(question.gold, "____")
    assert [question.score(f"It is {question.gold}."), question.score("Smith")] == [1, 0]


@pytest.mark.parametrize(
    "text",
    [
        "Too short a sentence by Telford.",
        "There is nothing in here that a reader would have to know at all.",
        "In the year 1826 they said that the year 1826 had been a good one.",
    ],
)
def test_documents_without_such_sentences_are_refused(tmp_path: Path, text: str) -> None:
    with collection(tmp_path, text) as opened, pytest.raises(BadOption, match="give `data`"):
        questions_of(opened)


def test_of_a_history_only_what_the_user_wrote_is_asked() -> None:
    asked = "Write to Mr Albrecht that the rent of 845 euros was paid on Monday in full."
    with History(None) as history:
        question = history.add_question(history.create().id, asked)
        with history.record_answer(question.id, Provenance()) as recorder:
            recorder.add(
                Token(0, "The landlord Petersen has got the sum of 412 euros by now.", "a", 0.9)
            )
        (found,) = questions_of_history(history)
    assert found.text.partition("\n")[2] == asked.replace(found.gold, "____")


def test_a_history_without_such_sentences_is_refused() -> None:
    with History(None) as history, pytest.raises(BadOption, match="your messages hold no sentence"):
        questions_of_history(history)
