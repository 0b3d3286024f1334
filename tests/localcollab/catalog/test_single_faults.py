"""One fault in a models.toml takes one entry with it: the others work, and the fault is told."""

import logging
from pathlib import Path

import pytest

from catalog_faults import MODEL, SINGLE_FAULTS, TEAM
from localcollab.catalog import load_catalog
from localcollab.errors import BadCatalog

SOUND = """
[models.first]
path = "first.gguf"

{}

[models.last]
path = "last.gguf"

[heads.mine]
path = "mine.safetensors"

[teams.good]
method = "deferral"
base = "first"
experts = ["last"]
gate = "entropy"
"""


@pytest.fixture
def notes(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING, "localcollab.note")
    return caplog


@pytest.mark.parametrize("fault", SINGLE_FAULTS, ids=lambda text: text[:60])
def test_the_other_entries_work_and_the_fault_is_told_in_one_line(
    fault: str, tmp_path: Path, notes: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "models.toml"
    path.write_text(SOUND.format(fault), encoding="utf-8")
    catalog = load_catalog(path)
    assert catalog.team("good").name == "good"
    assert catalog.model("first").path == tmp_path / "first.gguf"
    assert catalog.model("last").path == tmp_path / "last.gguf"
    assert catalog.trained("heads", "mine").path == tmp_path / "mine.safetensors"
    assert catalog.team("formulary").name == "formulary"
    told = [record.getMessage() for record in notes.records]
    assert len(told) == 1
    assert told[0].startswith(str(path))
    assert "\n" not in told[0]


def test_asking_for_the_entry_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text(SOUND.format(TEAM + "gate = 'entropy'\nthreshold = 2"), encoding="utf-8")
    with pytest.raises(
        BadCatalog, match=r"\[teams.bad\] threshold is 2: give a number from 0 to 1"
    ):
        load_catalog(path).team("bad")


def test_a_team_that_names_a_faulty_model_says_what_is_wrong_with_the_model(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    team = "\n[teams.two]\nmethod = 'speculation'\nbase = 'first'\ndraft = 'bad'\n"
    path.write_text(SOUND.format(MODEL + "path = 3" + team), encoding="utf-8")
    with pytest.raises(BadCatalog, match=r"draft names 'bad', which is left out: .* path is 3"):
        load_catalog(path).team("two")


def test_a_table_that_is_there_twice_is_taken_once(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text("[models.a]\npath='x.gguf'\n[models.a]\npath='y.gguf'\n", encoding="utf-8")
    assert load_catalog(path).model("a").path == tmp_path / "x.gguf"
