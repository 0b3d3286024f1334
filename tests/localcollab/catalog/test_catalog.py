"""models.toml: what it says, who wins, and how each mistake is answered."""

from pathlib import Path

import pytest

from localcollab.catalog import (
    DEFAULT_TEAM,
    Deferral,
    ModelEntry,
    TeamEntry,
    load_catalog,
    parse_catalog,
    user_catalog_path,
)
from localcollab.errors import BadCatalog

MODELS = "[models.a]\npath = 'a.gguf'\nabout = 'one'\n[models.b]\npath = '/abs/b.gguf'\n"
TEAM = "[teams.t]\nmethod = 'deferral'\nbase = 'a'\nexperts = ['b']\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "models.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_are_relative_to_the_file_they_stand_in(tmp_path: Path) -> None:
    catalog = parse_catalog(written(tmp_path, MODELS))
    assert catalog.models == {
        "a": ModelEntry("a", tmp_path / "a.gguf", "one"),
        "b": ModelEntry("b", Path("/abs/b.gguf")),
    }


def test_an_adapter_is_looked_up_with_the_weights_it_belongs_to(tmp_path: Path) -> None:
    adapted = "[models.t]\nweights_of = 'b'\nadapter = 'lora.gguf'\n"
    entry = parse_catalog(written(tmp_path, MODELS + adapted)).model("t")
    assert (entry.path, entry.adapter) == (Path("/abs/b.gguf"), tmp_path / "lora.gguf")


def test_a_team_keeps_all_its_keys(tmp_path: Path) -> None:
    text = TEAM + "gate = 'entropy'\nthreshold = 1\ncompose = true\nabout = 'x'"
    team = TeamEntry("t", Deferral("a", ("b",), None, "entropy", 1, True), "x")
    assert parse_catalog(written(tmp_path, text)).teams == {"t": team}


def test_a_later_catalogue_replaces_entries_of_its_name(tmp_path: Path) -> None:
    user_catalog_path().parent.mkdir(parents=True, exist_ok=True)
    user_catalog_path().write_text("[models.a]\npath = 'user.gguf'\n[models.u]\npath = 'u.gguf'")
    try:
        catalog = load_catalog(written(tmp_path, MODELS))
    finally:
        user_catalog_path().unlink()
    assert catalog.model("a").path == tmp_path / "a.gguf"
    assert catalog.model("u").path.name == "u.gguf"
    assert catalog.models_of(catalog.team(DEFAULT_TEAM))[0] in catalog.models


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "cannot be read as TOML"),
        ("x = " + "[" * 20_000, "cannot be read as TOML"),
        ("x = " + "9" * 5000, "cannot be read as TOML"),
        ("teems = 3", "the file has the unknown key 'teems': did you mean teams?"),
        ("models = 3", "models is 3"),
        ("[models]\na = 1", r"\[models.a\] is 1: make it a table"),
        ("[models.a]\npath = 3", r"\[models.a\] path is 3"),
        ("[models.a]\npth='x'", "unknown key 'pth': did you mean path?"),
        ("[models.a]\nabout = 'x'", "lacks the key 'path'"),
        ("[heads.h]", r"\[heads.h\] lacks the key 'path'"),
        (TEAM, "needs either head or gate"),
        (TEAM + "gate = 'never'\nhead = 'h'", "needs either head or gate"),
        (TEAM + "gate = 'never'\ncompose = 1", "compose is 1"),
        (TEAM + "gate = 'never'\nthreshold = true", "threshold is True"),
        (TEAM + "gate = 'never'\nthreshold = nan", "threshold is nan: give a number from 0 to 1"),
        (TEAM.replace("deferral", "magic") + "gate = 'never'", "method is 'magic': write"),
        (TEAM.replace("['b']", "[1]") + "gate = 'never'", "must be names of models"),
        (TEAM.replace("['b']", "[]") + "gate = 'never'", "experts is empty"),
        (TEAM.replace("['b']", "['b', 'b']") + "gate = 'never'", "two members named 'b'"),
        (TEAM.replace("['b']", "['base']") + "gate = 'never'", "two members named 'base'"),
    ],
    ids=range(20),
)  # fmt: skip
def test_a_mistake_names_file_table_and_key(text: str, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(BadCatalog, match=message) as caught:
        parse_catalog(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_an_unknown_name_gets_the_nearest_one(tmp_path: Path) -> None:
    catalog = parse_catalog(written(tmp_path, MODELS + "[models.formulary]\npath = 'x'"))
    with pytest.raises(BadCatalog, match=r"'formulray'; did you mean 'formulary'\?"):
        catalog.model("formulray")
    with pytest.raises(BadCatalog, match=r"no team is named 'zzz' \(localcollab teams lists them"):
        catalog.team("zzz")


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "models.toml")
    with pytest.raises(BadCatalog, match="no such file"):
        parse_catalog(tmp_path / "models.toml")
