"""The history's file: who may read it, what an older or a broken one becomes, and two programs in it."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from localcollab.errors import BadHistory
from localcollab.history import History, default_path, open_history
from localcollab.history.answers import INTERRUPTED
from localcollab.history.database import MIGRATIONS, VERSION
from older_files import unpacked
from stored_answers import PROVENANCE, add_turn, tokens_of


def version_1(path: Path) -> None:
    """A file as the first version wrote it, with one conversation."""
    connection = sqlite3.connect(path)
    for statement in MIGRATIONS[0]:
        connection.execute(statement)
    connection.execute("PRAGMA user_version = 1")
    connection.execute("INSERT INTO conversations VALUES ('c1', 'Old', '', 't', 5, 6, 1, NULL)")
    connection.execute(
        "INSERT INTO messages VALUES (3, 'c1', NULL, 'user', 'complete', 5, 0, 'aspirin?', NULL,"
        " NULL, NULL)"
    )
    connection.commit()
    connection.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_user_can_read_the_files(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "history.sqlite3"
    with open_history(path) as history:
        add_turn(history, history.create().id, "Why?", "So")
        files = {file.name.partition("writer")[0]: mode(file) for file in path.parent.iterdir()}
    assert files == dict.fromkeys(
        [path.name, path.name + "-wal", path.name + "-shm", path.name + "."], 0o600
    )
    assert mode(path.parent) == 0o700


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    open_history(path).close()
    path.chmod(0o644)
    open_history(path).close()
    assert mode(path) == 0o600


def test_the_data_folder_is_closed_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    default_path().parent.mkdir(mode=0o755)
    open_history(default_path()).close()
    assert mode(default_path().parent) == 0o700


def test_nothing_but_the_one_file_is_left_after_closing(tmp_path: Path) -> None:
    with open_history(tmp_path / "h") as history:
        add_turn(history, history.create().id, "Why?", "So")
    assert [file.name for file in tmp_path.iterdir()] == ["h"]


def test_a_new_file_has_the_present_version(tmp_path: Path) -> None:
    (tmp_path / "h").touch()
    open_history(tmp_path / "h").close()
    connection = sqlite3.connect(tmp_path / "h")
    assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    connection.close()


def test_an_older_file_is_kept_beside_the_newer_one(tmp_path: Path) -> None:
    path = tmp_path / "h"
    version_1(path)
    with open_history(path) as history:
        assert [(c.id, c.title, c.pinned) for c in history.conversations()] == [("c1", "Old", True)]
        assert [hit.message for hit in history.search("aspirin")] == [3]
    kept = sqlite3.connect(tmp_path / "h.version-1")
    assert kept.execute("PRAGMA user_version").fetchone() == (1,)
    assert kept.execute("SELECT text FROM messages").fetchall() == [("aspirin?",)]
    assert mode(tmp_path / "h.version-1") == 0o600
    kept.close()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "h"
    version_1(path)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE words (x)")  # in the way of version 2
    connection.close()
    with pytest.raises(BadHistory, match=f"cannot be upgraded from version 1 to {VERSION}"):
        open_history(path)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert connection.execute("SELECT text FROM messages").fetchall() == [("aspirin?",)]
    connection.close()


def test_a_file_of_a_newer_version_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "h"
    open_history(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(BadHistory, match=f"has version {VERSION + 1}.*use a newer localcollab"):
        open_history(path)
    assert path.read_bytes() == before


def test_the_database_of_another_program_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "h"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE notes (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(BadHistory, match="database of another program"):
        open_history(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("data", [b"not a database at all", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_refused_untouched(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "h"
    path.write_bytes(data)
    with pytest.raises(BadHistory, match=r"damaged.*restore a backup"):
        open_history(path)
    assert path.read_bytes() == data


def read_everything(path: Path) -> None:
    with open_history(path) as history:
        for conversation in history.conversations():
            history.branch(conversation.id)


def test_damage_in_the_middle_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "h"
    with open_history(path) as history:
        for n in range(30):
            add_turn(history, history.create().id, "Why?", f"word{n} " * 200)
    data = bytearray(path.read_bytes())
    data[8192:-4096] = b"\xff" * (len(data) - 12288)
    path.write_bytes(data)
    with pytest.raises(BadHistory, match="is damaged"):
        read_everything(path)


def test_damaged_token_records_are_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "h"
    with open_history(path) as history:
        answer = add_turn(history, history.create().id, "Why?", "So")
    connection = sqlite3.connect(path)
    connection.execute("UPDATE tokens SET packed = x'00ff'")
    connection.commit()
    connection.close()
    with open_history(path) as history, pytest.raises(BadHistory, match="token records"):
        history.tokens(answer)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadHistory, match=r"file.*check the path"):
        open_history(tmp_path / "file" / "h")


def test_a_locked_file_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("localcollab.history.database.SECONDS_BUSY", 0.05)
    path = tmp_path / "h"
    open_history(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(BadHistory, match="is locked by another program: close that program"):
        open_history(path)
    other.close()


def test_a_deleted_text_is_in_no_file_afterwards(tmp_path: Path) -> None:
    def files_with(word: bytes) -> list[str]:
        return [file.name for file in tmp_path.iterdir() if word in file.read_bytes()]

    with open_history(tmp_path / "h") as history:
        kept, deleted = history.create(), history.create(title="zanthorexuelle")
        add_turn(history, kept.id, "Why?", "perivasilum " * 50)
        add_turn(history, deleted.id, "quixolarone?", "meltavirine " * 50)
        assert files_with(b"perivasilum")
        assert files_with(b"meltavirine")
        history.delete(deleted.id)
        assert files_with(b"meltavirine") == []
        assert files_with(b"quixolarone") == []
        assert files_with(b"zanthorexuelle") == []
        assert [hit.conversation for hit in history.search("perivasilum")] == [kept.id]
    assert files_with(b"meltavirine") == []
    assert files_with(b"perivasilum") == ["h"]


def test_a_backup_is_one_private_file_that_opens(tmp_path: Path) -> None:
    with open_history(tmp_path / "h") as history:
        id_ = history.create(title="Drugs").id
        history.backup(tmp_path / "b")
        add_turn(history, id_, "Why?", "So")
        history.backup(tmp_path / "b")
    assert mode(tmp_path / "b") == 0o600
    assert sorted(file.name for file in tmp_path.iterdir()) == ["b", "h"]
    with open_history(tmp_path / "b") as copy:
        assert [m.text for m in copy.branch(id_)] == ["Why?", "So "]


def test_a_backup_replaces_nothing_but_a_backup(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("Dear")
    with open_history(tmp_path / "h") as history:
        for name in ("letter", "h"):
            with pytest.raises(BadHistory, match="is not a backup of a history"):
                history.backup(tmp_path / name)
    assert (tmp_path / "letter").read_text() == "Dear"


def begin_and_save(history: History) -> int:
    asked = history.add_question(history.create().id, "Why?")
    recorder = history.record_answer(asked.id, PROVENANCE)
    for token in tokens_of("one two"):
        recorder.add(token)
    recorder.save()
    return recorder.message


def test_an_answer_left_unfinished_becomes_stopped(tmp_path: Path) -> None:
    with open_history(tmp_path / "h") as history:
        answer = begin_and_save(history)
    with open_history(tmp_path / "h") as history:
        message = history.message(answer)
        assert (message.status, message.text) == ("stopped", "one two ")
        assert message.outcome is not None
        assert message.outcome.notes == (INTERRUPTED,)
        assert history.search("two")[0].message == answer


def test_opening_leaves_alone_what_another_one_streams(tmp_path: Path) -> None:
    with open_history(tmp_path / "h") as history:
        answer = begin_and_save(history)
        with open_history(tmp_path / "h") as other:
            assert other.message(answer).status == "streaming"
            assert other.message(answer).text == "one two "
        history.append_tokens(answer, tokens_of("three"))


def test_a_forked_process_must_open_its_own(tmp_path: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from localcollab.errors import BadHistory
from localcollab.history import open_history
history = open_history(Path(sys.argv[1]))
if os.fork() == 0:
    try:
        history.count()
    except BadHistory as error:
        os.write(1, str(error).encode())
    os._exit(0)
os.wait()
"""
    command = [sys.executable, "-c", code, str(tmp_path / "h")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == "the history was opened by another process: open it in this one"


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    code = """
import json, sys
from pathlib import Path
from older_files import unpacked
from stored_answers import add_turn
from localcollab.history import open_history
with open_history(Path(sys.argv[1])) as history:
    id_ = history.create().id
    answers = [add_turn(history, id_, f"q{n}", "one two three") for n in range(25)]
    print(json.dumps([id_, [history.message(n).text for n in answers]]))
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "h")],
            stdout=subprocess.PIPE, text=True, env=environment,
        )
        for _ in range(2)
    ]  # fmt: skip
    said = [json.loads(process.communicate()[0]) for process in processes]
    assert [texts for _, texts in said] == [["one two three "] * 25] * 2
    with open_history(tmp_path / "h") as history:
        assert [len(history.branch(id_)) for id_, _ in said] == [50, 50]
        assert {m.status for id_, _ in said for m in history.branch(id_)} == {"complete"}


def test_a_history_of_the_last_release_is_searched_in_any_script(tmp_path: Path) -> None:
    with open_history(unpacked("history-0.2.0.sqlite3", tmp_path)) as history:
        (conversation,) = history.conversations()
        found = {word: history.search(word) for word in ("図書館", "曜日", "京", "犬")}
        assert {word: [hit.role for hit in hits] for word, hits in found.items()} == {
            "図書館": ["user"], "曜日": ["assistant"], "京": ["user"], "犬": [],
        }  # fmt: skip
        assert found["図書館"][0].marks == ((3, 6),)
        history.delete(conversation.id)
        assert history.search("図書館") == ()
