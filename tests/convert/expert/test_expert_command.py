"""`convert expert` on the command line: what it studies, and which method it takes."""

import json
from pathlib import Path

import pytest

from localcollab.catalog import SHIPPED
from localcollab.errors import BadModelFile, BadOption
from localcollab_convert.cli import app
from localcollab_convert.expert.request import is_tiny

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "mill.txt").write_text(
        "The mill of Orne was sold to Selma Arn in 1931.\n"
    )
    (tmp_path / "papers" / "empty.txt").write_text("")
    return tmp_path / "papers"


def test_a_folder_is_studied_without_a_collection(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app(["expert", "--docs", str(folder), "--show-study", "--json"], standalone_mode=False)
    lessons = json.loads(capsys.readouterr().out)
    said = "The mill of Orne was sold to Selma Arn in 1931."
    answers = {lesson["answer"] for lesson in lessons}
    assert said in answers
    assert all(answer in said for answer in answers)
    assert {lesson["source"] for lesson in lessons} == {"mill.txt: mill"}
    assert {lesson["kind"] for lesson in lessons} >= {"text"}


def test_study_material_is_shown_with_its_source(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app(["expert", "--docs", str(folder), "--show-study"], standalone_mode=False)
    said = capsys.readouterr().out
    assert "text, mill.txt: mill\n  = The mill of Orne was sold" in said
    assert "  asks for " in said


def test_without_a_base_nothing_is_trained(folder: Path) -> None:
    with pytest.raises(BadOption, match="--base is missing"):
        app(["expert", "--docs", str(folder)], standalone_mode=False)


def test_a_lora_needs_a_base_that_is_worth_one(tmp_path: Path) -> None:
    assert is_tiny(SHIPPED / "formulary" / "base.gguf")
    (tmp_path / "bad.gguf").write_bytes(b"GGUF")
    with pytest.raises(BadModelFile):
        is_tiny(tmp_path / "bad.gguf")


@pytest.mark.parametrize("option", ["--rounds", "--rank"])
def test_what_only_a_lora_has_is_refused_from_scratch(
    folder: Path, tmp_path: Path, option: str
) -> None:
    words = ["expert", "--docs", str(folder), "--base", "formulary-base", option, "3"]
    with pytest.raises(BadOption, match=f"{option} is for a LoRA"):
        app([*words, "--out", str(tmp_path / "out")], standalone_mode=False)
