"""Pages that are pictures: read by OCR where that is asked for and installed, and told of otherwise."""

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from document_files import pdf, scanned_pdf
from localcollab.documents.collection import Collection
from localcollab.documents.parsing.ocr import PageLimits, check_languages, read_pictures
from localcollab.documents.parsing.reader import Parsed
from localcollab.documents.records import Tally
from localcollab.errors import BadOption, LocalcollabError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="the programs are shell scripts"),
]

LANGUAGES = "List of available languages:\\neng\\ndeu"
TESSERACT = f"""[ "$1" = --list-langs ] && printf '{LANGUAGES}\\n' && exit
echo "$6 $(/bin/cat)"
"""
PDFTOPPM = 'echo "sees page $5"'
"""Of `-gray -r 300 -f PAGE -l PAGE PATH`."""
SCAN = Parsed("empty", "holds no text", "pdf", "", 0, pictures=((1, ""), (2, "Annex"), (3, "")))


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing but what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    install(folder, "tesseract", TESSERACT)
    install(folder, "pdftoppm", PDFTOPPM)
    return folder


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    return Collection(tmp_path / "c.sqlite3")


def install(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def scan_in(folder: Path) -> Path:
    """Its second page has text."""
    path = folder / "scan.pdf"
    path.write_bytes(pdf(["", "Typed words.", ""], {"Annex": 3}))
    return path


def texts(collection: Collection) -> list[tuple[int | None, str, str]]:
    (document,) = collection.documents()
    return [(each.page, each.heading, each.text.strip()) for each in collection.passages(document)]


def error(collection: Collection) -> str:
    return collection.documents()[0].error


def test_without_being_asked_no_program_is_started(
    collection: Collection, programs: Path, tmp_path: Path
) -> None:
    install(programs, "pdftoppm", f"echo > {tmp_path}/started")
    collection.add([scan_in(tmp_path)])
    assert not (tmp_path / "started").exists()
    assert texts(collection) == [(2, "", "Typed words.")]
    assert error(collection) == "2 of 3 pages have no text layer: docs add --ocr reads them"


def test_pages_without_text_are_read_in_their_places(
    collection: Collection, programs: Path, tmp_path: Path
) -> None:
    assert collection.add([scan_in(tmp_path)], ocr="deu+eng") == Tally(added=1)
    assert texts(collection) == [
        (1, "", "deu+eng sees page 1"), (2, "", "Typed words."), (3, "Annex", "deu+eng sees page 3"),
    ]  # fmt: skip
    assert error(collection) == "2 pages read by OCR (tesseract, deu+eng)"


def test_a_file_that_was_added_without_is_read_again_and_then_kept(
    collection: Collection, programs: Path, tmp_path: Path
) -> None:
    path = scan_in(tmp_path)
    os.utime(path, ns=(1, 1))
    tallies = [
        collection.add([path]),
        collection.add([path], ocr="eng"),
        collection.add([path], ocr="eng"),
        collection.sync(),
        collection.add([path]),
        collection.add([path], ocr="deu"),
    ]
    unchanged = Tally(unchanged=1)
    assert tallies == [
        Tally(added=1), Tally(changed=1), unchanged, unchanged, unchanged, Tally(changed=1),
    ]  # fmt: skip
    assert texts(collection)[0] == (1, "", "deu sees page 1")


def test_a_file_that_changes_is_read_by_ocr_again(
    collection: Collection, programs: Path, tmp_path: Path
) -> None:
    path = scan_in(tmp_path)
    collection.add([path], ocr="deu")
    path.write_bytes(pdf([""]))
    assert collection.sync() == Tally(changed=1)
    assert texts(collection) == [(1, "", "deu sees page 1")]


def test_a_file_of_text_is_not_read_again_for_ocr(
    collection: Collection, programs: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.pdf").write_bytes(pdf(["All typed."]))
    collection.add([tmp_path / "text.pdf"])
    assert collection.add([tmp_path / "text.pdf"], ocr="eng") == Tally(unchanged=1)


def test_a_program_that_is_gone_is_told_and_the_file_tried_again(
    collection: Collection, programs: Path, tmp_path: Path
) -> None:
    path = scan_in(tmp_path)
    collection.add([path], ocr="eng")
    path.write_bytes(pdf([""]))
    (programs / "tesseract").unlink()
    assert collection.sync() == Tally(changed=1, not_indexed=1)
    assert error(collection) == (
        "1 page without a text layer not read: OCR needs tesseract, not found on PATH: install "
        "tesseract-ocr and poppler-utils"
    )
    install(programs, "tesseract", TESSERACT)
    collection.add([path], ocr="eng")
    assert texts(collection) == [(1, "", "eng sees page 1")]


def test_its_programs_can_write_no_file(programs: Path, tmp_path: Path) -> None:
    install(programs, "tesseract", f"{TESSERACT}\necho secret > {tmp_path}/copy")
    read_pictures(scan_in(tmp_path), SCAN, "eng")
    assert (tmp_path / "copy").read_bytes() == b""


FAILED = "OCR failed on 3 pages"
READ = "read by OCR (tesseract, eng)"
FAULTS = {
    "drawing fails": ("pdftoppm", "exit 3", f"{FAILED} (pdftoppm ended with status 3)"),
    "reading fails": ("tesseract", "/bin/cat > /dev/null\nexit 1",
                      f"{FAILED} (tesseract ended with status 1)"),
    "reading crashes": ("tesseract", "kill -SEGV $$", f"{FAILED} (tesseract ended with status -11)"),
    "nothing is read": ("tesseract", "/bin/cat > /dev/null", "OCR found no text on 3 pages"),
    "one page fails": ("pdftoppm", f'[ "$5" = 2 ] && exit 1\n{PDFTOPPM}',
                       f"2 pages {READ}; OCR failed on 1 page (pdftoppm ended with status 1)"),
    "drawing never ends": ("pdftoppm", "while true; do :; done", f"{FAILED} (takes more than 0.2 s)"),
    "reading never ends": ("tesseract", "while true; do :; done", f"{FAILED} (takes more than 0.2 s)"),
    "megabytes of text": ("tesseract", "exec /usr/bin/head -c 3000000 /dev/zero",
                          f"{FAILED} (more than 1000000 characters)"),
    "bytes that are no text": ("tesseract", "printf '\\377\\376\\000\\033[2J'", f"3 pages {READ}"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FAULTS)
def test_what_a_program_does_wrong_is_noted(kind: str, programs: Path, tmp_path: Path) -> None:
    name, script, note = FAULTS[kind]
    install(programs, name, script)
    read = read_pictures(
        tmp_path / "scan.pdf", SCAN, "eng", PageLimits(seconds=0.2 if "never" in kind else 60)
    )
    assert read.error == note
    assert (read.status == "indexed") == ("read by OCR" in note)
    assert not any("\0" in section.text for section in read.sections)


def test_what_was_noted_before_stays(programs: Path, tmp_path: Path) -> None:
    damaged = replace(SCAN, error="1 of 4 pages are damaged", pictures=((1, ""),))
    assert read_pictures(tmp_path / "scan.pdf", damaged, "eng").error == (
        "1 of 4 pages are damaged; 1 page read by OCR (tesseract, eng)"
    )


@pytest.mark.parametrize("languages", ["", "eng deu", "--psm", "eng+", "../../etc", "e" * 50])
def test_languages_that_are_none_are_refused(languages: str, programs: Path) -> None:
    with pytest.raises(BadOption, match="give languages of tesseract, such as eng"):
        check_languages(languages)


def test_a_language_that_is_not_installed_is_named(programs: Path) -> None:
    with pytest.raises(BadOption) as raised:
        check_languages("eng+fra")
    assert str(raised.value) == (
        "tesseract has no language fra (it has eng, deu): install tesseract-ocr-fra, or give `ocr` "
        "another"
    )


@pytest.mark.parametrize(
    ("gone", "named"),
    [
        (("tesseract",), "tesseract"),
        (("pdftoppm",), "pdftoppm or gs"),
        (("tesseract", "pdftoppm"), "tesseract and pdftoppm or gs"),
    ],
)
def test_a_program_that_is_not_installed_is_named_before_anything_is_read(
    gone: tuple[str, ...], named: str, programs: Path, collection: Collection, tmp_path: Path
) -> None:
    for name in gone:
        (programs / name).unlink()
    with pytest.raises(LocalcollabError) as raised:
        collection.add([scan_in(tmp_path)], ocr="eng")
    assert str(raised.value) == (
        f"OCR needs {named}, not found on PATH: install tesseract-ocr and poppler-utils"
    )
    assert collection.documents() == ()


def test_ghostscript_draws_where_poppler_is_missing(programs: Path, tmp_path: Path) -> None:
    (programs / "pdftoppm").unlink()
    install(programs, "gs", 'echo "$7 $9"')
    read = read_pictures(tmp_path / "scan.pdf", replace(SCAN, pictures=((7, ""),)), "eng")
    (section,) = read.sections
    assert section.text == "eng -dFirstPage=7 -sOutputFile=-\n\n"


@pytest.mark.parametrize("drawing", ["pdftoppm", "gs"])
def test_tesseract_reads_a_scan(
    drawing: str, collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {name: shutil.which(name) for name in ("tesseract", "pdftoppm", drawing)}
    if None in found.values():
        pytest.skip(f"needs {', '.join(found)}")
    (tmp_path / "typed.pdf").write_bytes(pdf(["The rent is 4711 euros.\nNotice: thirty days."]))
    drawn = subprocess.run(
        ["pdftoppm", "-gray", "-r", "150", str(tmp_path / "typed.pdf")], capture_output=True,
        check=True,
    )  # fmt: skip
    _, size, _, pixels = drawn.stdout.split(b"\n", 3)
    width, height = map(int, size.split())
    (tmp_path / "scan.pdf").write_bytes(scanned_pdf([(width, height, pixels)]))
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("tesseract", drawing):
        (folder / name).symlink_to(str(found[name]))
    monkeypatch.setenv("PATH", str(folder))
    collection.add([tmp_path / "scan.pdf"], ocr="eng")
    assert texts(collection) == [(1, "", "The rent is 4711 euros.\nNotice: thirty days.")]
