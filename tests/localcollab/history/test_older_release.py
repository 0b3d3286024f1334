"""What the last release wrote opens and imports; what it cannot know, it refuses in one line."""

import json
from pathlib import Path
from typing import Any

import pytest

from localcollab.errors import BadHistory
from localcollab.events import Unfamiliar
from localcollab.history import History, open_history
from older_files import unpacked
from older_files.make_history import PROVENANCE, tokens_of

RELEASE = "0.1.0"


def require_the_conversation(history: History, id_: str) -> None:
    conversation = history.conversation(id_)
    assert (conversation.system, conversation.team, conversation.pinned) == (
        "Be brief.", "formulary", True,
    )  # fmt: skip
    question, stopped, follow_up, failed = history.branch(id_)
    assert [question.text, follow_up.text] == ["What is Lelgidone made of?", "Such as?"]
    assert (stopped.status, stopped.text) == ("stopped", "Of many things ")
    assert failed.outcome is not None
    assert failed.outcome.error == "the model could not be read"
    assert list(history.tokens(stopped.id)) == tokens_of("Of many things")
    other = history.select(question.siblings[0])
    assert other[0].text == "What is Lelgidone for?"
    assert history.token_ids(other[1].id) == (100, 101, 102, 103, 9)
    outcome = other[1].outcome
    assert outcome is not None
    assert (outcome.reason, outcome.notes, outcome.n_repeated) == ("stop_string", ("a note",), 0)
    assert outcome.unfamiliar == (Unfamiliar("expert", "Lelgidone"),)
    assert other[1].provenance == PROVENANCE


def test_its_file_opens_with_everything_in_it_and_a_copy_stays(tmp_path: Path) -> None:
    file = unpacked(f"history-{RELEASE}.sqlite3", tmp_path)
    before = file.read_bytes()
    with open_history(file) as history:
        (conversation,) = history.conversations()
        require_the_conversation(history, conversation.id)
        assert [hit.role for hit in history.search("colds")] == ["assistant"]
    (copy,) = tmp_path.glob("*.version-*")
    assert len(copy.read_bytes()) == len(before)


def exported(folder: Path) -> dict[str, Any]:
    text = unpacked(f"conversation-{RELEASE}.json", folder).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def test_its_export_is_imported(tmp_path: Path) -> None:
    with open_history(None) as history:
        conversation = history.import_json(json.dumps(exported(tmp_path)))
        require_the_conversation(history, conversation.id)


def test_a_reason_that_only_a_later_release_knows_is_refused_in_one_line(tmp_path: Path) -> None:
    # As 0.1.0 refuses an export with the reason "repetition", by the same rule.
    record = exported(tmp_path)
    record["messages"][1]["outcome"]["reason"] = "boredom"
    with open_history(None) as history, pytest.raises(BadHistory) as refused:
        history.import_json(json.dumps(record), "later.json")
    assert "outcome: reason is 'boredom', not one of end, stop_string," in str(refused.value)
    assert "\n" not in str(refused.value)
