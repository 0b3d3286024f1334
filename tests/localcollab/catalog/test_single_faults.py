"""One fault in a models.toml takes one entry with it: the others work, and the fault is told."""

import logging
from pathlib import Path

import pytest

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

MODEL, TEAM = (
    "[models.bad]\n",
    "[teams.bad]\nmethod = 'deferral'\nbase = 'first'\nexperts = ['last']\n",
)
FAULTS = [
    MODEL, MODEL + "path = 3", MODEL + "path = ''", MODEL + "pth = 'x.gguf'", MODEL + "path = [1]",
    MODEL + "path = 'x.gguf'\nparameters = -1", MODEL + "path = 'x.gguf'\nsha256 = 'abc'",
    MODEL + "path = 'x.gguf'\nchecked = 'yes'", MODEL + "repository = 'owner/name'",
    MODEL + "repository = 'a b c'\nfile = 'x.gguf'", MODEL + "adapter = 'lora.gguf'",
    MODEL + "path = 'x.gguf'\n[models.bad.verified]\nkl = -1", MODEL + "path = 'x.gguf'\nn_ctx = 1.5",
    "[models]\nbad = 3", "[models.bad", MODEL + "path = ", MODEL + "path = 'x.gguf", MODEL + "= 3",
    MODEL + "path = 'a'\npath = 'b'", "[[models.bad]]\npath = 'x.gguf'", "[model.bad]\npath = 'x.gguf'",
    "[heads.bad]", "[bridges.bad]\npath = 7", "[mixtures.bad]\nway = 'x'",
    TEAM, TEAM + "gate = 'entropy'\nhead = 'mine'", TEAM + "gate = 'entropy'\nthreshold = 2",
    TEAM + "gate = 'entropy'\ncolour = 'red'", "[teams.bad]\nmethod = 'magic'",
    "[teams.bad]\nbase = 'first'\nexperts = ['last']",
    "[teams.bad]\nmethod = 'deferral'\nbase = 'first'\nexperts = 'last'\ngate = 'entropy'",
    "[teams.bad]\nmethod = 'mixture'\nmembers = ['first', 'last']\nweights = [0, 0]",
    "[teams.bad]\nmethod = 'blend'\nmembers = ['first', 'last']\nranker = 'best'",
    "[teams]\nbad = []", "[models.first]\npath = 'other.gguf'",
    "[teams.bad]\nmethod = 'speculation'\nbase = 'a'",
    MODEL + "path = 'x.gguf'\nsize_bytes = " + "9" * 5000, MODEL + "path = " + "[" * 5000,
]  # fmt: skip


@pytest.fixture
def notes(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING, "localcollab.note")
    return caplog


@pytest.mark.parametrize("fault", FAULTS, ids=lambda text: text[:60])
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
