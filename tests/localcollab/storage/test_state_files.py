"""States on disk: what is found, what goes, what is not trusted."""

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from localcollab.storage.state_files import Entry, StateFiles, collection, conversation

KEY = "a" * 64


def put(
    files: StateFiles,
    tokens: list[int],
    body: bytes = b"state",
    *,
    key: str = KEY,
    origin: str = "conversation:1",
    shortest: int = 0,
    since: float | None = None,
) -> bool:
    entry = Entry(key, "model.gguf", np.array(tokens, np.int32), frozenset({origin}), shortest)
    return files.put(entry, [body], time.time() if since is None else since)


def found(files: StateFiles, wanted: list[int], n_held: int = 0, **how: int) -> bytes | None:
    entry = files.find(KEY, wanted, n_held, **{"least": 1, "most": 10**6} | how)
    body = None if entry is None else files.load(entry)
    return None if body is None else bytes(body)


@pytest.fixture
def files(tmp_path: Path) -> StateFiles:
    return StateFiles(tmp_path / "states")


def test_the_longest_common_beginning_is_found(files: StateFiles) -> None:
    put(files, [1, 2, 3], b"three", origin="conversation:1")
    put(files, [1, 2, 3, 4, 9], b"five", origin="conversation:2")
    put(files, [1, 7], b"two", origin="conversation:3")
    assert found(files, [1, 2, 3, 4, 5, 6]) == b"five"
    assert found(files, [1, 7, 7, 7]) == b"two"
    assert found(files, [5]) is None


def test_states_of_another_key_are_not_found(files: StateFiles) -> None:
    put(files, [1, 2, 3], key="b" * 64)
    put(files, [1, 2, 3], key="a" * 16 + "b" * 48)  # the same name on disk up to its random part
    assert found(files, [1, 2, 3, 4]) is None


def test_a_state_must_spare_more_than_what_the_reader_has(files: StateFiles) -> None:
    put(files, [1, 2, 3])
    assert found(files, [1, 2, 3, 4], n_held=3) is None
    assert found(files, [1, 2, 3, 4], least=4) is None
    assert found(files, [1, 2, 3, 4], most=2) is None


def test_a_long_state_is_not_loaded_for_a_short_beginning(files: StateFiles) -> None:
    put(files, [1, *range(100, 199)])
    assert found(files, [1, 2, 3, 4, 5, 6, 7]) is None
    assert found(files, [1, *range(100, 106), 5]) is not None


def test_a_state_that_cannot_be_cut_serves_only_what_goes_on(files: StateFiles) -> None:
    put(files, [1, 2, 3, 4], shortest=3)
    assert found(files, [1, 2, 3, 4, 5]) == b"state"
    assert found(files, [1, 2, 3, 4]) == b"state"  # rewound by one
    assert found(files, [1, 2, 3]) is None
    assert found(files, [1, 2, 9, 9, 9, 9]) is None


def test_a_conversation_keeps_its_longest_state(files: StateFiles) -> None:
    put(files, [1, 2, 3])
    put(files, [1, 2, 3, 4, 5])
    put(files, [1, 2, 3], origin="conversation:2")
    assert [entry.tokens.tolist() for entry in files.entries()] == [[1, 2, 3], [1, 2, 3, 4, 5]]


def test_the_least_recently_used_state_goes_first(tmp_path: Path) -> None:
    files = StateFiles(tmp_path, limit_bytes=3000)
    for n in range(2):
        put(files, [n] * 8, bytes(1000), origin=conversation(str(n)))
    os.utime(files.entries()[1].path, (1, 1))
    os.utime(files.entries()[0].path, (2, 2))
    old = files.find(KEY, [0] * 8, 0, least=1, most=99)
    assert old is not None
    assert files.load(old) is not None  # used now
    put(files, [2] * 8, bytes(1000), origin=conversation("2"))
    assert sorted(entry.tokens[0] for entry in files.entries()) == [0, 2]
    assert not put(files, [3] * 8, bytes(4000), origin=conversation("3"))


def damaged(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda path: (path.write_bytes(change(path.read_bytes())), None)[1]


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def of_another_folder(path: Path) -> None:
    others = StateFiles(path.parent.parent / "others")
    put(others, [1, 2, 3, 4], b"not yours")
    path.write_bytes(others.entries()[0].path.read_bytes())


@pytest.mark.parametrize(
    "damage",
    [
        damaged(lambda data: data[:-1]),
        damaged(lambda data: data[:20]),
        damaged(lambda data: b""),
        damaged(lambda data: data[:-3] + bytes([data[-3] ^ 1]) + data[-2:]),
        damaged(lambda data: data + b"x"),
        damaged(lambda data: data.replace(b"model.gguf", b"hodel.gguf")),
        damaged(lambda data: data[:40] + b"\xff\xff\xff\xff" + data[44:]),
        damaged(lambda data: data.replace(b'"n_tokens": 4', b'"n_tokens":-4')),
        damaged(lambda data: data.replace(b'"n_tokens": 4', b'"n_tokens": 3')),
        damaged(lambda data: b"GGUF" + data[4:]),
        of_another_folder,
        lambda path: (path.unlink(), path.symlink_to("/etc/passwd")),
        a_pipe,
        lambda path: (path.parent / "key").write_bytes(b"k" * 32),
        lambda path: (path.parent / "key").unlink(),
    ],
)
def test_a_damaged_state_is_deleted_and_nothing_else(
    files: StateFiles, damage: Callable[[Path], None]
) -> None:
    put(files, [1, 2, 3, 4])
    put(files, [7, 7, 7], origin="conversation:2")
    path = next(entry.path for entry in files.entries() if entry.tokens[0] == 1)
    damage(path)
    assert found(files, [1, 2, 3, 4, 5]) is None
    assert not os.path.lexists(path)
    assert len(files.entries()) == 1
    assert put(files, [1, 2, 3, 4])
    assert found(files, [1, 2, 3, 4, 5]) == b"state"


def test_a_head_that_claims_more_tokens_costs_no_memory(files: StateFiles) -> None:
    put(files, [1, 2, 3, 4])
    path = files.entries()[0].path
    path.write_bytes(path.read_bytes().replace(b'"n_tokens": 4', b'"n_tokens": 9999999'))
    assert found(files, [1, 2, 3, 4, 5]) is None


def test_what_was_forgotten_is_gone_and_does_not_come_back(files: StateFiles) -> None:
    began = time.time()
    passages = collection(Path("/docs.sqlite3"))
    put(files, [1, 2, 3], origin=conversation("1"))
    put(files, [4, 5, 6], origin=passages)
    files.forget(conversation("1"))
    assert [entry.origins for entry in files.entries()] == [{passages}]
    assert not put(files, [1, 2, 3], origin=conversation("1"), since=began)
    files.forget(passages)
    assert files.entries() == []
    assert put(files, [4, 5, 6], origin=passages)  # computed from what is there now


def test_only_the_user_may_read_what_is_kept(files: StateFiles) -> None:
    files.folder.mkdir(mode=0o755)
    put(files, [1, 2, 3])
    files.forget("conversation:2")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in files.folder.iterdir() if path.is_file()}
    assert modes == {0o600}
    assert stat.S_IMODE(files.folder.stat().st_mode) == 0o700


def test_clearing_leaves_nothing(files: StateFiles) -> None:
    put(files, [1, 2, 3])
    (files.folder / "killed.partial").write_bytes(b"12345")
    n_bytes = sum(path.stat().st_size for path in files.folder.glob("*.[sp]*"))
    assert files.clear() == (1, n_bytes)
    assert files.entries() == []
    assert StateFiles(files.folder / "never-made").clear() == (0, 0)


def test_a_folder_that_cannot_be_made_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    files = StateFiles(tmp_path / "file" / "states")
    assert not put(files, [1, 2, 3])
    assert found(files, [1, 2, 3]) is None
    files.forget("conversation:1")
