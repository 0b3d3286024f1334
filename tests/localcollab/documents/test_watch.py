"""Keeping a collection fresh, and how far it is behind."""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from localcollab.documents import store
from localcollab.documents.collection import Collection
from localcollab.documents.ingest import freshness as fresh
from localcollab.documents.records import Freshness, Tally
from localcollab.documents.watch import waiting, watch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / f"{name}.txt").write_text(f"The {name} text.")
    return folder


@pytest.fixture
def collection(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Collection:
    monkeypatch.setattr(store, "SECONDS_SETTLED", 0.0)
    monkeypatch.setattr(fresh, "SECONDS_SETTLED", 0.0)
    collection = Collection(folder.parent / "c.sqlite3")
    collection.add([folder])
    return collection


def behind(collection: Collection) -> int:
    found = collection.freshness()
    assert found is not None
    assert found.is_complete
    return found.n_changed


def test_changed_new_and_missing_files_are_counted_until_they_are_read(
    collection: Collection, folder: Path
) -> None:
    assert behind(collection) == 0
    (folder / "a.txt").write_text("Another text.")
    (folder / "new.txt").write_text("A new text.")
    (folder / "b.txt").unlink()
    (folder / ".hidden.txt").write_text("Not counted.")
    assert behind(collection) == 3
    collection.sync()
    assert behind(collection) == 0


def test_reading_one_more_folder_does_not_make_the_others_fresh(
    collection: Collection, folder: Path, tmp_path: Path
) -> None:
    before = collection.freshness()
    (folder / "a.txt").write_text("Another text.")
    (tmp_path / "more").mkdir()
    collection.add([tmp_path / "more"])
    assert behind(collection) == 1
    after = collection.freshness()
    assert before is not None
    assert after is not None
    assert after.as_of == before.as_of


def test_a_file_that_was_written_just_before_it_was_read_is_fresh(folder: Path) -> None:
    collection = Collection(folder.parent / "fresh.sqlite3")
    collection.add([folder])
    assert behind(collection) == 0
    (folder / "a.txt").write_text("Other.")
    assert behind(collection) == 1
    (folder / "a.txt").write_text("The a text.")
    assert behind(collection) == 0


def test_it_takes_no_longer_than_it_may(collection: Collection) -> None:
    found = fresh.freshness(collection._database, seconds=0.0)
    assert found is not None
    assert not found.is_complete


def test_freshness_is_told_in_words() -> None:
    now = datetime.now().astimezone().replace(hour=10, minute=42)
    assert str(Freshness(now, 0)) == "as of 10:42"
    assert str(Freshness(now, 1)) == "as of 10:42; 1 changed file not read yet"
    assert str(Freshness(now, 3, False)) == "as of 10:42; at least 3 changed files not read yet"
    past = (now - timedelta(days=400)).strftime("%Y-%m-%d")
    assert str(Freshness(now - timedelta(days=400), 0)) == f"as of {past} 10:42"


def test_an_empty_collection_is_as_of_no_time() -> None:
    assert Collection(None).freshness() is None


def test_files_are_read_when_a_change_is_told_until_it_is_stopped(
    collection: Collection, folder: Path
) -> None:
    stop_event = threading.Event()
    told: list[list[Path]] = []

    def wait(paths: Sequence[Path], stop: threading.Event) -> None:
        told.append(list(paths))
        if len(told) == 2:
            stop.set()
        (folder / "a.txt").write_text(f"Text {len(told)}, and more.")

    tallies = list(watch(collection, stop_event, wait=wait))
    assert told == [[folder], [folder]]
    assert tallies == [Tally(unchanged=3), Tally(changed=1, unchanged=2)]


@pytest.mark.slow
def test_the_system_tells_of_a_change(folder: Path) -> None:
    pytest.importorskip("watchfiles")
    stop_event = threading.Event()
    ended = threading.Event()

    def run() -> None:
        waiting()([folder], stop_event)
        ended.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        # The watch begins at some moment: change until it is told.
        for n in range(600):
            (folder / "a.txt").write_text(f"Text {n}.")
            if ended.wait(0.05):
                break
        assert ended.is_set()
    finally:
        stop_event.set()
        thread.join()
