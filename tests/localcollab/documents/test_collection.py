"""Collections: what is read, what is found again, what a changed folder leaves behind."""

import os
import stat
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from localcollab.documents import store
from localcollab.documents.collection import Collection, collection_path, open_collection
from localcollab.documents.parsing.limits import Limits
from localcollab.documents.parsing.reader import Parsed, Task
from localcollab.documents.records import Document, Tally, Visit
from localcollab.errors import BadCollection, BadOption


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    (folder / "deep").mkdir(parents=True)
    (folder / "dogs.txt").write_text("A lazy dog sleeps in the sun.")
    (folder / "deep" / "foxes.md").write_text("# Foxes\n\nThe quick brown fox jumps.\n")
    return folder


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    return Collection(tmp_path / "c.sqlite3")


def states(documents: Sequence[Document], folder: Path) -> dict[str, str]:
    return {str(d.path.relative_to(folder)): d.error or d.status for d in documents}


def visits(collection: Collection) -> dict[str, str]:
    found: list[Visit] = []
    collection.sync(on_visit=found.append)
    return {visit.document.path.name: visit.change for visit in found}


def test_a_folder_is_read_whole_and_searched(collection: Collection, folder: Path) -> None:
    assert collection.add([folder]) == Tally(added=2)
    (hit,) = collection.search("Which FOXES jump?")
    assert hit.passage.text == "# Foxes\n\nThe quick brown fox jumps.\n"
    assert (hit.passage.document.path, hit.passage.heading, hit.passage.page) == (
        folder / "deep" / "foxes.md", "Foxes", None,
    )  # fmt: skip


def test_any_text_is_a_valid_query(collection: Collection, folder: Path) -> None:
    collection.add([folder])
    nonsense = ["", "  ", '"', "NEAR(", "q AND OR", "*", "text:x", "\0", "\ud800", "((((", "-fox"]
    assert [len(collection.search(query)) for query in nonsense] == [0] * 10 + [1]


def test_passages_joined_are_the_text_and_know_their_neighbours(
    collection: Collection, tmp_path: Path
) -> None:
    text = "".join(f"Sentence number {n} is here. " + "\n\n" * (n % 7 == 0) for n in range(300))
    (tmp_path / "long.txt").write_text(text)
    collection.add([tmp_path / "long.txt"])
    (document,) = collection.documents()
    passages = collection.passages(document)
    assert "".join(passage.text for passage in passages) == text
    assert [p.text for p in passages] == [text[p.start : p.end] for p in passages]
    assert collection.neighbours(passages[3]) == (passages[2], passages[4])
    assert collection.neighbours(passages[0]) == (passages[1],)
    assert max(len(passage.text) for passage in passages) <= 1000


def test_only_what_changed_is_read_again_and_what_is_gone_is_removed(
    collection: Collection, folder: Path
) -> None:
    collection.add([folder])
    (folder / "dogs.txt").write_text("A cat.")
    (folder / "deep" / "foxes.md").unlink()
    (folder / "new.txt").write_text("An owl.")
    assert visits(collection) == {"dogs.txt": "changed", "new.txt": "added", "foxes.md": "removed"}
    assert [collection.search(word) == [] for word in ("dog", "fox", "cat", "owl")] == [
        True, True, False, False,
    ]  # fmt: skip


def test_a_touched_file_is_the_same_and_a_settled_one_is_not_opened(
    collection: Collection, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SECONDS_SETTLED", 0.0)
    collection.add([folder])
    before = collection.content_sha256()
    os.utime(folder / "dogs.txt")
    assert collection.sync() == Tally(unchanged=2)
    # Were it opened, it would be a failure now.
    monkeypatch.setattr(
        "localcollab.documents.ingest.sync.Reader.read", lambda _, tasks: _none(tasks)
    )
    assert collection.sync() == Tally(unchanged=2)
    assert collection.content_sha256() == before


def _none(tasks: Iterable[Task]) -> Generator[tuple[Task, Parsed]]:
    for task in tasks:
        raise AssertionError(f"{task} would be opened")
    yield from ()


def test_a_file_changed_with_its_old_times_and_size_is_read_again(
    collection: Collection, folder: Path
) -> None:
    file = folder / "dogs.txt"
    collection.add([folder])
    times = file.stat()
    file.write_text("A lazy hog sleeps in the sun.")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert collection.sync() == Tally(changed=1, unchanged=1)
    assert len(collection.search("hog")) == 1


def test_ignored_hidden_and_linked_files_stay_out(collection: Collection, folder: Path) -> None:
    secret = folder.parent / "secret.txt"
    secret.write_text("outside")
    (folder / ".hidden.txt").write_text("hidden")
    (folder / "out.txt").symlink_to(secret)
    (folder / "loop").symlink_to(folder)
    (folder / ".gitignore").write_text("*.log\n!keep.log\n/deep/\n")
    (folder / "a.log").write_text("log")
    (folder / "keep.log").write_text("log")
    collection.add([folder])
    link = "is a symbolic link, which is not followed: add its target"
    assert states(collection.documents(), folder) == {
        "dogs.txt": "indexed", "keep.log": "indexed", "out.txt": link, "loop": link,
    }  # fmt: skip


@pytest.fixture
def deep_folder(tmp_path: Path) -> Iterator[Path]:
    """Deeper than Python's recursion goes, which pytest's own clearing away uses."""
    (tmp_path / ".gitignore").write_text("*.log\n")
    bottom = tmp_path / "a"
    for _ in range(1200):
        bottom.mkdir()
        bottom /= "a"
    bottom = bottom.parent
    (bottom / "deep.txt").write_text("Here.")
    (bottom / "deep.log").write_text("Not here.")
    yield tmp_path
    (bottom / "deep.txt").unlink()
    (bottom / "deep.log").unlink()
    while bottom != tmp_path:
        bottom.rmdir()
        bottom = bottom.parent


@pytest.mark.slow
def test_a_very_deep_folder_is_walked_to_its_end(deep_folder: Path) -> None:
    with Collection(None) as collection:
        collection.add([deep_folder])
        assert [document.path.name for document in collection.documents()] == ["deep.txt"]


def test_documents_removed_by_another_process_do_not_stop_a_sync(
    collection: Collection, folder: Path
) -> None:
    collection.add([folder])
    assert collection.path is not None
    with Collection(collection.path) as other:
        found: list[Visit] = []
        collection.sync(on_visit=lambda visit: _remove(other, folder, visit, found))
    assert found
    assert (collection.documents(), collection.sources()) == ((), ())


def _remove(other: Collection, folder: Path, visit: Visit, found: list[Visit]) -> None:
    if not found:
        other.remove([folder])
    found.append(visit)


def test_what_is_removed_stays_out_until_it_is_added_again(
    collection: Collection, folder: Path
) -> None:
    collection.add([folder])
    assert [d.path for d in collection.remove([folder / "deep"])] == [folder / "deep" / "foxes.md"]
    assert collection.sync() == Tally(unchanged=1)
    collection.add([folder / "deep"])
    collection.sync()
    assert states(collection.documents(), folder) == {
        "deep/foxes.md": "indexed", "dogs.txt": "indexed",
    }  # fmt: skip
    collection.remove([folder])
    assert (collection.documents(), collection.sources()) == ((), ())


def test_removed_text_stands_in_no_file_of_the_collection(
    collection: Collection, folder: Path
) -> None:
    (folder / "secret.txt").write_text("xylophonic rendezvous")
    collection.add([folder])
    collection.remove([folder / "secret.txt"])
    assert collection.path is not None
    files = list(collection.path.parent.glob(collection.path.name + "*"))
    assert files
    assert not [file for file in files if b"xylophon" in file.read_bytes()]


def test_a_source_that_is_not_there_keeps_what_was_read_from_it(
    collection: Collection, folder: Path
) -> None:
    collection.add([folder])
    folder.rename(folder.with_name("away"))
    assert collection.sync() == Tally(added=1, not_indexed=1)
    assert len(collection.search("fox")) == 1
    folder.with_name("away").rename(folder)
    assert collection.sync() == Tally(unchanged=2, removed=1)


def test_a_raised_limit_reads_what_was_too_large(collection: Collection, folder: Path) -> None:
    (folder / "big.txt").write_text("word " * 1000)
    collection.add([folder], limits=Limits(file_bytes=1000))
    assert states(collection.documents(), folder)["big.txt"] == (
        "is larger than 0 MB: raise max_mb"
    )
    assert collection.sync() == Tally(changed=1, unchanged=2)


def test_two_documents_are_in_one_order_of_content_whatever_the_order_they_came_in(
    tmp_path: Path, folder: Path
) -> None:
    one, other = Collection(None), Collection(None)
    one.add([folder])
    other.add([folder / "dogs.txt"])
    other.add([folder / "deep"])
    assert one.content_sha256() == other.content_sha256()
    (folder / "dogs.txt").write_text("Another dog.")
    other.sync()
    assert one.content_sha256() != other.content_sha256()


def test_the_file_is_the_users_alone(collection: Collection, folder: Path) -> None:
    collection.add([folder])
    assert collection.path is not None
    files = list(collection.path.parent.glob(collection.path.name + "*"))
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".x", "x" * 65, "a\nb"])
def test_a_name_cannot_lead_out_of_the_folder(name: str) -> None:
    with pytest.raises(BadOption, match="cannot be named"):
        collection_path(name)


def test_a_missing_collection_says_how_one_is_made() -> None:
    with pytest.raises(BadCollection, match=r"no collection 'nope' .*: add files to it first"):
        open_collection("nope")


def test_a_file_that_is_no_collection_is_refused_untouched(tmp_path: Path) -> None:
    file = tmp_path / "c.sqlite3"
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(BadCollection, match="is not a collection, or is damaged"):
        Collection(file)
    assert file.read_bytes() == b"no database at all" * 100


def test_a_path_that_is_not_there_adds_nothing(collection: Collection, folder: Path) -> None:
    with pytest.raises(BadOption, match="cannot be added"):
        collection.add([folder, folder / "nowhere"])
    assert collection.sources() == ()
