"""Collections and checked citations in Python, without models."""

from pathlib import Path

import pytest

import localcollab as lc
from localcollab.errors import BadCollection, BadOption


def test_a_collection_is_a_file_or_a_name(tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("The notice period is three months.")
    for name in (tmp_path / "own.sqlite3", str(tmp_path / "own2.sqlite3"), "api-test"):
        with pytest.raises(BadCollection):
            lc.open_collection(name)
        with lc.open_collection(name, create=True) as made:
            assert made.add(str(note)).added == 1
        with lc.open_collection(name) as again:
            assert [hit.passage.document.path.name for hit in again.search("notice period")] == [
                "note.txt"
            ]
            assert len(again.remove(note)) == 1


def test_citations_are_checked_against_texts_and_hits(tmp_path: Path) -> None:
    text = "The notice period is three months. The rent is 900 euros."
    passage = "The notice period is three months."
    supports = [claim.support for claim in lc.check_answer(text, [passage])]
    assert supports == ["supported", "not found"]
    (tmp_path / "note.txt").write_text(passage)
    with lc.open_collection(tmp_path / "c.sqlite3", create=True) as collection:
        collection.add(tmp_path / "note.txt")
        hits = collection.search("notice")
    assert [claim.support for claim in lc.check_answer(text, hits)] == supports


def test_rankers_that_read_no_model_need_none() -> None:
    assert lc.rank("?", ["a", "bbb", "cc"]).best == 1
    assert lc.rank("?", ["a", "b", "b"], "vote").best == 1


def test_a_revision_has_changes_with_sources_and_the_text_with_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "lease.txt").write_text("The monthly rent is 845 euros.\n")
    (tmp_path / "letter-2025.txt").write_text("The monthly rent is now 870 euros.\n")
    with lc.open_collection(tmp_path / "c.sqlite3", create=True) as collection:
        collection.add(tmp_path / "letter-2025.txt")
        found = collection.revise(tmp_path / "lease.txt", dated="2024")
        assert found.revised() == "The monthly rent is 870 euros.\n"
        (change,) = found.changes
        assert (change.old, change.new, change.passage.document.path.name) == (
            "845 euros", "870 euros", "letter-2025.txt",
        )  # fmt: skip
        with pytest.raises(BadOption, match="`dated`"):
            collection.revise(tmp_path / "lease.txt", dated="yesterday")
