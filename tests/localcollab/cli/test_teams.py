"""teams and teams check: what is listed, what is found wrong, and what the command line imports."""

import subprocess
import sys
from pathlib import Path

import pytest

from localcollab.archives.check import Finding, check_team
from localcollab.catalog import load_catalog, parse_catalog
from localcollab.llama.options import Options
from localcollab.teams.listing import team_record, team_records
from small_gguf import bpe_keys, small_llama

TEAM = (
    '[teams.t]\nmethod = "deferral"\nbase = "a"\nexperts = ["b"]\ngate = "entropy"\n'
    '[models.a]\npath = "a.gguf"\nlicence = "MIT"\n[models.b]\npath = "b.gguf"\n'
)


def catalog_of(folder: Path, text: str = TEAM) -> Path:
    path = folder / "models.toml"
    path.write_text(text)
    return path


def files(folder: Path) -> None:
    for seed, name in enumerate(("a", "b")):
        (folder / f"{name}.gguf").write_bytes(small_llama(seed).to_bytes())


def findings(folder: Path, text: str = TEAM) -> list[Finding]:
    catalog = load_catalog(catalog_of(folder, text))
    return list(check_team(catalog, catalog.team("t"), Options(n_ctx=128), lambda _: None))


def test_a_team_whose_files_are_elsewhere_is_listed_with_the_command_that_pulls_them() -> None:
    catalog = load_catalog()
    record = team_record(catalog, catalog.team("coder-8gb"))
    assert (record["installed"], record["pull"]) == (False, "localcollab models pull coder-8gb")
    assert record["memory_gb"] == 8


def test_every_curated_team_can_be_pulled_and_says_that_nobody_ran_it() -> None:
    catalog = load_catalog()
    curated = [team for team in catalog.teams.values() if team.memory_gb]
    assert {team.memory_gb for team in curated} == {8, 16, 32}
    for team in curated:
        for name in catalog.models_of(catalog.team(team.name)):
            model = catalog.model(name)
            assert model.can_be_pulled
            assert model.licence
            assert model.parameters
            assert model.n_ctx
            assert not model.checked


def test_what_ships_passes_the_check_that_others_pass() -> None:
    from localcollab.catalog import SHIPPED, shipped_catalog_path

    checked = parse_catalog(shipped_catalog_path(), root=SHIPPED)
    assert checked == parse_catalog(shipped_catalog_path(), root=SHIPPED, is_sound=True)


def test_one_broken_team_does_not_hide_the_others(tmp_path: Path) -> None:
    path = catalog_of(tmp_path, TEAM.replace('["b"]', '["c"]'))
    records = {record["name"]: record for record in team_records(load_catalog(path))}
    assert records["t"]["problems"] == [
        f"{path}: [teams.t] experts names 'c', but there is no [models.c]: add it, or name another"
    ]
    assert records["formulary"]["problems"] == []


@pytest.mark.weights
def test_a_sound_team_passes_every_check(tmp_path: Path) -> None:
    files(tmp_path)
    found = findings(tmp_path)
    assert [(f.about, f.ok) for f in found] == [
        ("files", True), ("licence of a", True), ("licence of b", True), ("memory", True),
        ("vocabulary of the base", True), ("vocabulary of b", True), ("one answer", True),
    ]  # fmt: skip
    assert [f.text for f in found[1:3]] == ["MIT", "not stated"]


@pytest.mark.weights
def test_a_missing_file_ends_the_check_before_anything_is_opened(tmp_path: Path) -> None:
    files(tmp_path)
    (tmp_path / "b.gguf").unlink()
    found = findings(tmp_path)
    assert not found[0].ok
    assert found[0].text == f"b: missing at {tmp_path / 'b.gguf'}; put the file there"
    assert found[-1].about == "memory"


@pytest.mark.weights
def test_an_expert_of_another_vocabulary_writes_words(tmp_path: Path) -> None:
    files(tmp_path)
    (tmp_path / "b.gguf").write_bytes(small_llama(1, tokens=bpe_keys()).to_bytes())
    found = findings(tmp_path)
    assert all(finding.ok for finding in found)
    assert "it writes words, not tokens, of the base" in found[-2].text


@pytest.mark.weights
def test_a_head_of_other_models_is_found_wrong(tmp_path: Path) -> None:
    files(tmp_path)
    (tmp_path / "h.safetensors").write_bytes(b"no head")
    text = TEAM.replace('gate = "entropy"', 'head = "h"') + '[heads.h]\npath = "h.safetensors"\n'
    found = findings(tmp_path, text)
    assert (found[-1].about, found[-1].ok) == ("opening", False)
    assert "h.safetensors" in found[-1].text


@pytest.mark.parametrize("words", [["--help"], ["models", "--help"], ["teams", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        f"import sys; sys.argv = ['localcollab', *{words!r}]\n"
        "from localcollab.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "print([m for m in ('numpy', 'huggingface_hub', 'llama_cpp') if m in sys.modules])"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert child.stdout.splitlines()[-1] == "[]"


def test_what_ships_is_read_without_pydantic(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom localcollab.catalog import load_catalog\nload_catalog()\n"
        "print('pydantic' in sys.modules)"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert child.stdout.strip() == "False"
