"""Two hundred hostile files in one folder: each gets its line, none stops or feeds on the run."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hostile_documents import N_FILES, write_hostile

pytestmark = pytest.mark.slow
DRIVER = Path(__file__).parents[3] / "documents_driver.py"
MEMORY_BYTES = 500_000_000
LIMITS = {"memory_bytes": MEMORY_BYTES, "seconds": 15.0}
EXPECTED = {
    "bomb.docx": ("refused", "unpacks to more than 128 MB"),
    "many-times-one-chapter.epub": ("refused", "holds more than 16000000 characters of text"),
    "deep.docx": ("failed", "its XML is nested more than 500 deep"),
    "laughs.docx": ("failed", "its XML declares entities, which no document of this format needs"),
    "outside.docx": ("failed", "its XML declares entities, which no document of this format needs"),
    "one-line.txt": ("refused", "holds more than 16000000 characters of text"),
    "sparse.txt": ("refused", "is larger than 64 MB: raise max_mb"),
    "fifo.pdf": ("refused", "is not a regular file"),
    "passwd.txt": (
        "refused", "is a symbolic link, which is not followed: add its target",
    ),
    "picture.txt": ("refused", "binary data, not text: no known format (.txt)"),
    "picture.pdf": ("failed", "is named .pdf, but is no PDF, or damaged at its beginning"),
    "empty.md": ("empty", "holds no text"),
    "two\nlines.txt": ("indexed", ""),
    "page.docx": ("indexed", ""),
}  # fmt: skip


def in_an_empty_network() -> list[str]:
    """Nothing of this needs a network: where it can be taken away, it is."""
    prefix = ["unshare", "-rn"]
    possible = (
        shutil.which("unshare") and not subprocess.run([*prefix, "true"], check=False).returncode
    )
    return prefix if possible else []


def test_every_hostile_file_gets_its_line_within_the_limits(tmp_path: Path) -> None:
    folder = tmp_path / "hostile"
    folder.mkdir()
    n_files = write_hostile(folder)
    assert n_files == N_FILES
    (folder / "zz-last.txt").write_text("And a harmless one.")
    command = [*in_an_empty_network(), sys.executable, str(DRIVER), str(tmp_path / "c.sqlite3"),
               "add", json.dumps(LIMITS), str(folder)]  # fmt: skip
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (child.returncode, child.stderr) == (0, "")
    *found, peak_bytes = [json.loads(line) for line in child.stdout.splitlines()]
    by_name = {name: (status, error) for name, status, error, _ in found}
    assert len(found) == len(by_name) == n_files + 1
    assert {name: by_name[name] for name in EXPECTED} == EXPECTED
    assert by_name["zz-last.txt"] == ("indexed", "")
    silent = [
        name for name, (status, error) in by_name.items() if status != "indexed" and not error
    ]
    assert silent == []
    assert peak_bytes < MEMORY_BYTES
