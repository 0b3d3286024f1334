"""Revisions of whole files: which document decides, how old each is, and the diff."""

import random
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from localcollab.documents.revise.dating import dated, given
from localcollab.documents.revise.diff import original, unified_diff
from localcollab.errors import BadOption
from revising import NEW, OLD, changes, revised

RENT = "The monthly rent is {} euros."


def test_the_newest_document_that_speaks_of_it_decides() -> None:
    newer = {"a-2025-01-01.md": RENT.format(870), "b-2026-01-01.md": RENT.format(900)}
    assert changes(RENT.format(845), newer) == [("845 euros", "900 euros")]
    newer |= {"c-2026-06-01.md": RENT.format(845), "d-2026-07-01.md": "The garden is closed."}
    assert changes(RENT.format(845), newer) == []


def test_two_documents_of_one_date_that_differ_leave_doubt() -> None:
    newer = {"a-2025-01-01.md": RENT.format(870), "b-2025-01-01.md": RENT.format(900)}
    assert changes(RENT.format(845), newer) == []


def test_an_older_document_or_one_of_the_same_time_changes_nothing() -> None:
    for name in ("a-2023-12-31.md", OLD.replace("guide", "note"), "note-2024.md"):
        assert changes(RENT.format(845), {name: RENT.format(870)}) == []
    assert revised(RENT.format(845), {"a-2023-12-31.md": "x"}).n_newer == 0


def test_what_the_file_itself_says_of_another_is_not_taken_for_news() -> None:
    old = "The rent of the hall is 845 euros.\n\nThe rent of the barn is 870 euros."
    assert changes(old, "The rent of the barn is 870 euros.") == []


def test_a_change_names_its_source_and_how_old_it_is() -> None:
    (change,) = revised(RENT.format(845), f"A letter.\n\n{RENT.format(870)}").changes
    quote = change.passage.text[slice(*change.quote)]
    assert (change.passage.document.path.name, quote) == (NEW, RENT.format(870))
    assert (change.kind, str(change.dated)) == ("number", "2025-03-01, by the date in its name")


NOUNS = ("fee", "rent", "deposit", "budget", "bonus", "fine", "price", "toll", "grant", "tax")
PLACES = ("hall", "barn", "library", "harbour", "stadium", "museum", "airport", "bakery")
OLD_FORMS = ("The {} of the {} is {}.", "- The {} of the {} is {}, payable in cash.")
NEW_FORMS = (
    "The {} of the {} is {}.", "From 1 March 2025, the {} of the {} is {}.",
    "The {} of the {} is now {}.", "The {} of the {} was raised to {}.",
    "The {} of the {} rises to {} as of 1 April 2025.",
)  # fmt: skip
OTHERS = (
    "The {} of the old {} is {}.", "The {} of the {} may be raised to {}.",
    "The {} of the {} is not {}.", "Anna Berg claims that the {} of the {} is {}.",
    "The {} of the {} is {} for guests.", "The {} of the {} was {} in 2019.",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_of_a_generated_file_exactly_what_changed_is_proposed(seed: int) -> None:
    rng = random.Random(seed)
    things = rng.sample([(noun, place) for noun in NOUNS for place in PLACES], 8)
    unit = rng.choice(("euros", "dollars", "%"))
    file, letter, expected = [], [], []
    for n, (noun, place) in enumerate(things):
        old, new = f"{100 + n} {unit}", f"{200 + n} {unit}"
        file.append(rng.choice(OLD_FORMS).format(noun, place, old))
        if n < 3:
            letter.append(rng.choice(NEW_FORMS).format(noun, place, new))
            expected.append((old, new))
        elif n < 6:
            letter.append(rng.choice(OTHERS).format(noun, place, new))
    rng.shuffle(letter)
    assert changes("\n".join(file), "\n\n".join(letter)) == expected


@pytest.mark.parametrize(
    ("text", "name", "says"),
    [
        ("Date: 2025-03-01\n\nText.", "a.md", "2025-03-01, by the date in its text"),
        ("---\ntitle: A\ndate: 2025-03-01\n---\n", "a.md", "2025-03-01, by the date in its text"),
        ("Berlin, 1 March 2025\n\nDear all,", "a-2020.md", "2025-03-01, by the date in its text"),
        ("# Rules\n\nLast updated: March 2025", "a.md", "2025-03, by the date in its text"),
        ("Stand: 1. März 2025", "a.md", "2025-03-01, by the date in its text"),
        ("Signed on 1 March 2025 by all.", "prices_2024.md", "2024, by the date in its name"),
        ("# Minutes of 1 March 2025\n\nAll.", "a.md", "2025-03-01, by the date in its text"),
        ("Rundschreiben vom 1. März 2025", "a.md", "2025-03-01, by the date in its text"),
        ("Payment due by 1 March 2025\n\nAll.", "a.md", "2001-09-09, by the file's time"),
        ("Text.", "20250301_note.md", "2025-03-01, by the date in its name"),
        ("Text.", "a.md", "2001-09-09, by the file's time"),
        ("Date: 01/03/2025", "a.md", "2001-09-09, by the file's time"),
    ],
)  # fmt: skip
def test_a_document_is_as_old_as_it_says(text: str, name: str, says: str) -> None:
    assert str(dated(text, Path(name), 1_000_000_000 * 10**9)) == says


def test_a_date_that_is_given_is_read_or_refused() -> None:
    assert given("2025-03").start == datetime(2025, 3, 1, tzinfo=UTC)
    with pytest.raises(BadOption, match=r"`dated` is '2025-13-01'"):
        given("2025-13-01")


@pytest.mark.parametrize(
    "text",
    [
        f"{RENT.format(845)}\n",
        RENT.format(845),
        f"\ufeffA lease.\r\n\r\n{RENT.format(845)}\r\nEnd.\r\n",
        "\n".join(["First."] * 20 + [RENT.format(845)] + ["Last."] * 20 + ["The fee is 5 euros."]),
    ],
    ids=["plain", "no newline at the end", "CRLF and mark", "two hunks"],
)
def test_the_diff_gives_the_revised_file_to_patch(text: str, tmp_path: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("needs git")
    read = text.removeprefix("\ufeff").replace("\r\n", "\n")
    revision = revised(read, f"{RENT.format(870)}\n\nThe fee is 6 euros.")
    own = original(revision, text.encode())
    assert own == text
    diff = "".join(unified_diff(revision, own, "lease.txt"))
    assert "@@ [1]" in diff
    (tmp_path / "lease.txt").write_bytes(text.encode())
    (tmp_path / "p.diff").write_bytes(f"[1] line 1\n    “quote”\n{diff}".encode())
    command = ["git", "apply", "-p0", "--whitespace=nowarn", "p.diff"]
    subprocess.run(command, cwd=tmp_path, check=True)
    expected = text.replace("845 euros", "870 euros").replace("5 euros.", "6 euros.", 0)
    expected = expected.replace("The fee is 5", "The fee is 6")
    assert (tmp_path / "lease.txt").read_bytes() == expected.encode()


def test_what_is_not_read_as_it_stands_has_no_diff() -> None:
    revision = revised(RENT.format(845), RENT.format(870))
    assert original(revision, b"<p>" + RENT.format(845).encode()) is None
    assert original(revision, b"\xff") is None
