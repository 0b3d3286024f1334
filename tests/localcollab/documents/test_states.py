"""What models keep on disk of passages goes when the passages may be gone."""

import time
from pathlib import Path

import numpy as np
import pytest

from localcollab.documents.collection import Collection
from localcollab.storage.state_files import Entry, StateFiles, collection


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateFiles:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return StateFiles()


def test_states_of_a_collection_end_with_its_passages(files: StateFiles, tmp_path: Path) -> None:
    folder, path = tmp_path / "texts", tmp_path / "mine.sqlite3"
    folder.mkdir()
    (folder / "a.txt").write_text("The notice is nine weeks.")

    def is_kept_over(what: str) -> bool:
        ids = np.arange(3, dtype=np.int32)
        entry = Entry("k" * 64, "model.gguf", ids, frozenset({collection(path)}))
        assert files.put(entry, [b"state"], time.time())
        match what:
            case "sync":
                opened.sync()
            case "change":
                (folder / "a.txt").write_text("The notice is ten weeks, as agreed.")
                opened.sync()
            case "remove":
                opened.remove([folder / "a.txt"])
        return bool(files.entries())

    with Collection(path) as opened:
        opened.add([folder])
        kept = {what: is_kept_over(what) for what in ("sync", "change", "remove")}
    assert kept == {"sync": True, "change": False, "remove": False}
