"""Ignore files mean what they mean to git."""

import shutil
import subprocess
from pathlib import Path

import pytest

from localcollab.documents.ingest.walk import Found, walk
from localcollab.documents.parsing.limits import DEFAULT_LIMITS

FILES = [
    "a.txt", "a.log", "b/a.log", "b/c/a.txt", "b/c/d.txt", "build/x.txt", "src/build/y.txt", "doc/a.md",
    "doc/deep/a.md", "x[1].txt", "weird name.txt", "keep/a.log", "keep/b.log", "f1.txt", "f2.txt",
    "#hash.txt", "!bang.txt", "trail ", "one/two/three/four.txt", "foo/bar.txt", "q/foo/bar.txt",
]  # fmt: skip
RULES = {
    ".gitignore": "# comment\n*.log\n!keep/a.log\n/build/\ndoc/**/a.md\nf[1].txt\n\\#hash.txt\n"
    "\\!bang.txt\none/**\nfoo/bar.txt\n\n[\n",
    "b/.gitignore": "c/*\n!c/d.txt\n",
    "src/.gitignore": "build\n",
}


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git to compare with")
def test_the_files_left_are_those_git_would_track(tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    for name, rules in RULES.items():
        (tmp_path / name).write_text(rules)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    listed = subprocess.run(
        ["git", "-C", tmp_path, "ls-files", "-z", "--others", "--exclude-standard"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    tracked = {name for name in listed.stdout.split("\0") if name and ".git" not in name}
    found = walk(tmp_path, (), DEFAULT_LIMITS)
    ours = {each.path.relative_to(tmp_path).as_posix() for each in found if isinstance(each, Found)}
    assert 5 < len(tracked) < len(FILES)
    assert ours == tracked
