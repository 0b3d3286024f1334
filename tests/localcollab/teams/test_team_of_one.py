"""One model is a team of one: a [teams.X] with a base alone, in every command."""

import subprocess
import sys
from pathlib import Path

import pytest

from localcollab.catalog import Alone, load_catalog
from localcollab.errors import BadCatalog
from localcollab.teams.listing import team_lines, team_record
from localcollab.teams.open import open_team
from localcollab.teams.plan import plan_from_catalog
from localcollab.teams.session import Session
from small_gguf import small_llama

TEAM = (
    '[teams.solo]\nbase = "a"\nabout = "just me"\nmax_tokens = 3\n'
    '[models.a]\npath = "a.gguf"\nlicence = "MIT"\n'
)


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    (tmp_path / "a.gguf").write_bytes(small_llama().to_bytes())
    (tmp_path / "models.toml").write_text(TEAM)
    return tmp_path / "models.toml"


def test_the_method_may_be_left_out_or_named(catalog: Path) -> None:
    unnamed = load_catalog(catalog).team("solo")
    catalog.write_text(TEAM.replace("[teams.solo]\n", '[teams.solo]\nmethod = "alone"\n'))
    assert load_catalog(catalog).team("solo") == unnamed
    assert unnamed.method == Alone("a")


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ('base = "a"\nexperts = ["a"]', "lacks the key 'method': add it"),
        ('about = "nobody"', "lacks the key 'method': add it"),
        ('base = "a"\nmethod = "alone"\ngate = "entropy"', 'method = "alone" does not use it'),
        ('base = "a"\ndraft = "a"', "lacks the key 'method': add it"),
        ('base = "a"\ncolour = "red"', "has the unknown key 'colour'"),
        ("base = 3", "base is 3: give a text in quotes"),
        ('base = "nobody"', "there is no .models.nobody."),
    ],
)
def test_what_is_wrong_is_said(catalog: Path, lines: str, complaint: str) -> None:
    catalog.write_text(f"{TEAM}[teams.bad]\n{lines}\n")
    with pytest.raises(BadCatalog, match=complaint):
        load_catalog(catalog).team("bad")


def test_it_is_listed_as_one_model(catalog: Path) -> None:
    known = load_catalog(catalog)
    lines = team_lines(team_record(known, known.team("solo")))
    assert lines == ["solo: just me", "  one model: base a"]


@pytest.mark.weights
def test_it_writes_and_may_be_an_expert_of_another_team(catalog: Path) -> None:
    text = '[teams.two]\nmethod = "deferral"\nbase = "a"\nexperts = ["solo"]\ngate = "always"\n'
    catalog.write_text(TEAM + text)
    known = load_catalog(catalog)
    alone = open_team(plan_from_catalog(known, known.team("solo")))
    *_, end = Session(alone).ask("Hello")
    two = open_team(plan_from_catalog(known, known.team("two")))
    *_, nested = Session(two).ask("Hello")
    assert list(end.authors) == ["base"]  # type: ignore[union-attr]
    assert [name.split("/")[0] for name in nested.authors] == ["solo"]  # type: ignore[union-attr]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("teams list", "one model: base a"),
        ("teams check solo", "one answer: ok"),
        ("teams export solo --out solo.tar", "solo.tar: solo, 1 files"),
        ("models fit solo", "solo"),
        ("models pull solo", "a is here already"),
        ("run solo Hello --json", '"authors": {"base": 3}'),
        ("eval solo --data data.jsonl", "solo"),
        ("eval --compare solo --data data.jsonl", "solo"),
        ("chat solo --plain --incognito", "team solo: base"),
    ],
)
def test_every_command_takes_it(catalog: Path, command: str, said: str) -> None:
    (catalog.parent / "data.jsonl").write_text(
        '{"messages": [{"role": "user", "content": "Hello"}, '
        '{"role": "assistant", "content": "Hi"}]}\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "localcollab", *command.split(), "--models", str(catalog)],
        capture_output=True, text=True, input="", cwd=catalog.parent, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
