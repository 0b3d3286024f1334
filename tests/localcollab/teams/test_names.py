"""What may stand where a team is wanted: a name, a file, another program's model, or nothing."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from localcollab.catalog import load_catalog
from localcollab.errors import BadCatalog, BadOption
from localcollab.teams.choice import TeamChoice
from localcollab.teams.listing import default_line, team_lines, team_records
from localcollab.teams.names import Names
from small_gguf import small_llama

MODEL = small_llama().to_bytes()
OWN = """
[models.mine]
path = "mine.gguf"

[teams.pair]
method = "deferral"
base = "mine"
experts = ["formulary"]
gate = "entropy"
"""


def catalog_of(folder: Path, first: str = "") -> tuple[Path, ...]:
    path = folder / "models.toml"
    path.write_text(f"{first}\n{OWN}")
    return (path,)


@pytest.mark.parametrize("name", ["pair", "mine", "formulary"])
def test_the_default_answers_where_nothing_is_named(name: str, tmp_path: Path) -> None:
    catalogs = catalog_of(tmp_path, f"default = {name!r}")
    assert TeamChoice(catalogs=catalogs).plan().name == name
    catalog = load_catalog(*catalogs)
    marked = [line for r in team_records(catalog) for line in team_lines(r) if "(default)" in line]
    marked = [line.partition(" ")[0] for line in marked]
    assert marked == ([] if name == "mine" else [name])
    assert default_line(catalog) == ("default: mine, a model alone" if name == "mine" else None)


def test_without_a_default_the_shipped_team_answers(tmp_path: Path) -> None:
    assert TeamChoice(catalogs=catalog_of(tmp_path)).plan().name == "formulary"


def test_a_default_that_does_not_exist_says_where_it_stands(tmp_path: Path) -> None:
    catalogs = catalog_of(tmp_path, "default = 'mien'")
    says = "default = 'mien' in models.toml: no team or model is named 'mien'; did you mean 'mine'"
    with pytest.raises(BadCatalog, match=says):
        TeamChoice(catalogs=catalogs).plan()
    assert str(default_line(load_catalog(*catalogs))).startswith("problem: default = 'mien'")
    assert TeamChoice(team="pair", catalogs=catalogs).plan().name == "pair"


def test_an_adapter_joins_a_default_that_is_a_model(tmp_path: Path) -> None:
    catalogs = catalog_of(tmp_path, "default = 'mine'")
    plan = TeamChoice(adapter="lora.gguf", catalogs=catalogs).plan()
    assert plan.first.adapter == Path("lora.gguf")
    catalogs = catalog_of(tmp_path, "default = 'pair'")
    with pytest.raises(BadOption, match="pair is a team"):
        TeamChoice(adapter="lora.gguf", catalogs=catalogs).plan()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in ("OLLAMA_MODELS", "HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def in_ollama(home: Path, data: bytes = MODEL) -> Path:
    """A model that Ollama calls tiny:1b, and `models list --elsewhere` tiny-1b."""
    store = home / ".ollama" / "models"
    sha256 = hashlib.sha256(data).hexdigest()
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{sha256}"}
    files = {
        store / "blobs" / f"sha256-{sha256}": data,
        store / "manifests" / "host" / "library" / "tiny" / "1b": json.dumps(
            {"layers": [layer]}
        ).encode(),
    }
    for path, content in files.items():
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    return store / "blobs" / f"sha256-{sha256}"


def test_another_programs_model_is_taken_by_its_name(home: Path) -> None:
    blob = in_ollama(home)
    choice = TeamChoice(team="tiny-1b", experts=("formulary",))
    assert choice.plan().first.path == blob
    catalog, team = Names(load_catalog()).as_team("tiny-1b")
    assert (catalog.model("tiny-1b").path, team.name) == (blob, "tiny-1b")
    assert "tiny-1b" not in load_catalog().models


@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "shows"),
    [
        (
            ["run", "tiny-1b", "Once upon a time", "--max-tokens", "8", "--temperature", "0"],
            "there",
        ),
        (["eval", "tiny-1b", "--data", "questions.jsonl", "--json"], '"tiny-1b"'),
        (["chat", "tiny-1b", "--plain", "--incognito"], "team tiny-1b"),
        (["models", "fit", "tiny-1b", "--n-ctx", "128"], "tiny-1b fits"),
        (["teams", "check", "tiny-1b", "--n-ctx", "128"], "one answer: ok"),
    ],
)
def test_every_command_takes_another_programs_model(
    command: list[str], shows: str, home: Path, stories: Path
) -> None:
    in_ollama(home, stories.read_bytes())
    turns = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Tim"}]
    (home / "questions.jsonl").write_text(json.dumps({"messages": turns}))
    done = subprocess.run(
        [sys.executable, "-m", "localcollab", *command],
        capture_output=True, text=True, check=False, input="", cwd=home,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert shows in done.stdout + done.stderr


@pytest.mark.parametrize("choice", [TeamChoice(team=""), TeamChoice(base="")])
def test_an_empty_name_is_not_the_default_team(choice: TeamChoice) -> None:
    with pytest.raises(BadOption, match="is empty: give a name or a file"):
        choice.plan()


def test_a_home_that_does_not_exist_is_part_of_the_path() -> None:
    plan = TeamChoice(base="~nobody-here/m.gguf").plan()
    assert plan.first.path == Path("~nobody-here/m.gguf")
