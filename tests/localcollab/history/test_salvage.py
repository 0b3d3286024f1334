"""What is left of a damaged history comes back with `history import`."""

import json
from pathlib import Path

import pytest

from database_damage import DATABASE_DAMAGES, PAGE, damaged
from localcollab.errors import BadHistory
from localcollab.history import History, open_history
from localcollab.history.salvage import LOST_QUESTION, Lost, salvage
from stored_answers import add_answer, add_turn

N_EACH = 6


def a_history(path: Path, *, closed: bool = True) -> History:
    """Three conversations with branches, long answers and a system prompt."""
    history = open_history(path)
    for n in range(3):
        id_ = history.create(system="Be brief.", title=f"title {n}").id
        add_turn(history, id_, f"Why {n}?", "because " * (20 if n % 2 else 700))
        asked = history.add_question(id_, "And then? \u6f22\u5b57 \U0001f642")
        add_answer(history, asked.id, "Nothing.")
        add_answer(history, asked.id, "Something.")
    if closed:
        history.close()
    return history


def exports(history: History) -> list[object]:
    """Without the versions of ids that only one file knows."""
    return sorted(
        (json.loads(history.export_json(each.id)) for each in history.conversations()),
        key=lambda record: record["id"],
    )


def imported(record: object) -> list[object]:
    with open_history(None) as history:
        history.import_all(json.dumps(record))
        return exports(history)


def test_nothing_of_an_undamaged_history_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "h"
    a_history(path)
    with open_history(path) as history:
        whole = exports(history)
    found = salvage(path)
    assert found.lost == Lost()
    assert imported(found.record) == whole


def test_what_stands_in_the_write_ahead_log_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "h"
    with a_history(path, closed=False) as history:
        assert path.with_name("h-wal").stat().st_size > 0
        assert imported(salvage(path).record) == exports(history)


def test_without_a_schema_every_row_is_still_read(tmp_path: Path) -> None:
    path = tmp_path / "h"
    a_history(path)
    with open_history(path) as history:
        whole = exports(history)
    data = path.read_bytes()
    path.write_bytes(bytes(PAGE) + data[PAGE:])
    with pytest.raises(BadHistory):
        open_history(path)
    assert imported(salvage(path).record) == whole


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("salvage") / "h"
    a_history(path)
    return path.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("kind", DATABASE_DAMAGES)
def test_what_is_salvaged_can_be_imported(kind: str, data: bytes, tmp_path: Path) -> None:
    path, n_read = tmp_path / "h", 0
    for seed in range(N_EACH):
        path.write_bytes(damaged(kind, seed, data))
        try:
            found = salvage(path)
        except BadHistory:
            continue
        assert len(imported(found.record)) == found.n_conversations
        n_read += found.n_messages
    # 15 messages each; a file cut short may hold none.
    assert n_read > N_EACH * 15 * (0.1 if kind == "cut_short" else 0.5)


def test_a_lost_question_has_a_placeholder(tmp_path: Path) -> None:
    path = tmp_path / "h"
    with open_history(path) as history:
        add_turn(history, history.create(title="t").id, "A question to be lost?", "An answer.")
    data = path.read_bytes()
    assert data.count(b"A question to be lost?") >= 1
    path.write_bytes(data.replace(b"A question to be lost?", b"\xff" * 22))
    found = salvage(path)
    (conversation,) = found.record["conversations"]
    assert [m["text"] for m in conversation["messages"]] == [LOST_QUESTION, "An answer. "]
    assert (found.lost.rows, found.lost.messages) == (1, 1)
    assert "lost, at least: 1 rows, 1 messages" in found.summary()
    imported(found.record)


def test_what_is_no_history_is_refused(tmp_path: Path) -> None:
    (tmp_path / "h").write_bytes(b"no database" * 1000)
    with pytest.raises(BadHistory, match="no conversation can be read"):
        salvage(tmp_path / "h")
    with pytest.raises(BadHistory, match="check the path"):
        salvage(tmp_path / "missing")
