"""`eval --compare`: who takes part, and that everybody's figures are their own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from localcollab.catalog import load_catalog
from localcollab.errors import BadCatalog, BadOption, EvaluationFailed, LocalcollabError
from localcollab.evaluation.compare import (
    Asked,
    Contender,
    Entry,
    compare_contenders,
    contenders,
    teams_of_name,
)

TEAMS = """
[teams.mixed]
method = "mixture"
members = ["formulary-base", "formulary"]
[teams.over]
method = "proxy"
base = "formulary-base"
expert = "mixed"
antiexpert = "arithmetic"
"""


@pytest.fixture
def catalog_path(tmp_path: Path) -> Path:
    path = tmp_path / "models.toml"
    path.write_text(TEAMS)
    return path


def test_every_member_takes_part_once_beside_the_teams(catalog_path: Path) -> None:
    found = contenders(load_catalog(catalog_path), ["mixed", "over"], [Path("big.gguf")])
    assert found == (
        Contender("mixed", "mixture", "mixed"),
        Contender("over", "proxy", "over"),
        Contender("formulary-base alone", "member", "mixed", 0),
        Contender("formulary alone", "member", "mixed", 1),
        Contender("mixed alone", "member", "over", 1),
        Contender("arithmetic alone", "member", "over", 2),
        Contender("big", "one model", "mixed", file=Path("big.gguf")),
    )


def test_a_method_stands_for_its_teams_of_the_default_base(catalog_path: Path) -> None:
    catalog = load_catalog(catalog_path)
    assert "mixed" in [team.name for team in teams_of_name(catalog, "mixture")]
    assert next(team.name for team in teams_of_name(catalog, "deferral")) == "formulary"
    with pytest.raises(BadOption, match="'magic' is neither a team nor a method"):
        teams_of_name(catalog, "magic")


@pytest.mark.weights
@pytest.mark.slow
def test_teams_and_members_answer_apart_with_their_costs(
    catalog_path: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "compare.png"
    child = subprocess.run(
        [sys.executable, "-m", "localcollab", "eval", "--compare", "mixed", "--limit", "3",
         "--models", str(catalog_path), "--json", "--plot", str(picture)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(child.stdout)["contenders"]
    assert [record["name"] for record in found] == [
        "mixed", "formulary-base alone", "formulary alone"
    ]  # fmt: skip
    for record in found:
        assert record["score"]["n"] == 3
        assert record["cost"]["cpu_ms_per_token"] > 0
        assert record["cost"]["peak_rss_bytes"] > 20 * 2**20
    assert picture.read_bytes().startswith(b"\x89PNG")


def compare_one(contender: Contender, data: Path) -> list[Entry]:
    return compare_contenders(Asked(data=(data,)), [contender], lambda text: None)


@pytest.mark.parametrize(
    ("contender", "complaint"),
    [
        (Contender("gone", "one model", "formulary", file=Path("gone.gguf")), r"gone\.gguf"),
        (Contender("formulary-blend", "blend", "formulary-blend"), "writes no tokens of its own"),
    ],
)
def test_who_cannot_take_part_is_named_before_anybody_is_asked(
    contender: Contender, complaint: str
) -> None:
    first, shown = Contender("formulary", "deferral", "formulary"), list[object]()
    with pytest.raises(LocalcollabError, match=complaint):
        compare_contenders(Asked(limit=1), [first, contender], shown.append)
    assert shown == []


def test_data_without_a_gold_answer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text('{"messages": [{"role": "user", "content": "Why?"}]}\n')
    with pytest.raises(LocalcollabError, match="no question with a gold answer"):
        compare_one(Contender("formulary", "deferral", "formulary"), tmp_path / "d.jsonl")


def test_a_process_that_dies_is_one_line_with_its_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os\nos._exit(9)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(EvaluationFailed, match=r"formulary: .* ended with status 9"):
        compare_one(Contender("formulary", "deferral", "formulary"), tmp_path / "d.jsonl")


def test_a_contender_that_cannot_be_opened_is_named_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text(TEAMS.replace('"formulary"]', '"nowhere"]'))
    with pytest.raises(BadCatalog, match="names 'nowhere'"):
        contenders(load_catalog(path), ["mixed"], [])
