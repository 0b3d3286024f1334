"""A models.toml with a fault in one table: every command works with the other entries, and says so."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from catalog_faults import SINGLE_FAULTS
from localcollab.cli import commands
from localcollab.errors import LocalcollabError
from localcollab.terminal.status import hide_notes
from small_gguf import small_llama

SOUND = """
[models.first]
path = "first.gguf"

{}

[models.last]
path = "last.gguf"

[teams.good]
method = "deferral"
base = "first"
experts = ["last"]
gate = "entropy"
"""
FAULTS = {
    "no value": "[models.bad]\npath = ",
    "wrong type": "[models.bad]\npath = 3",
    "unknown key": "[models.bad]\npth = 'x.gguf'",
    "unknown method": "[teams.bad]\nmethod = 'magic'",
    "wrong sampling": "[models.bad]\npath = 'x.gguf'\nsampling = { temperature = -1 }",
    "unclosed table": "[teams.bad",
    "unknown table": "[model.bad]\npath = 'x.gguf'",
}
WORKS = {
    "teams": "good: no description",
    "teams list --json": '"name": "good"',
    "teams export good --out good.tar": "good.tar: good, 2 files",
    "models list": "last (",
    "models show first": "name: first",
    "models search first": "first (",
    "models verify first": "first: no hash is known",
    "models add other.gguf --name other": "added other",
    "models pull formulary-base": "formulary-base is here already",
    "models update": "no model was pulled yet",
}
REFUSED = {
    "run good ''": "the question is empty",
    "eval good --data none.jsonl": "none.jsonl",
    "eval --compare good,nosuch": "'nosuch' is neither a team nor a method",
    "models rm last": "'last' was neither added nor pulled",
    "models update last": "'last' cannot be updated",
    "bench --team nosuch": "no team or model is named 'nosuch'",
    "teams check nosuch": "no team or model is named 'nosuch'",
    "rank records.jsonl --ranker judge(nosuch)": "nosuch",
    "fuse records.jsonl --ranker longest --fuser nosuch": "nosuch",
    "serve nosuch": "nosuch",
    "models fit nosuch": "no team or model is named 'nosuch'",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with three models; what they write goes into the configuration directory."""
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "home" / "localcollab"
    config.mkdir(parents=True)
    for seed, name in enumerate(("first", "last")):
        (config / f"{name}.gguf").write_bytes(small_llama(seed).to_bytes())
    (tmp_path / "records.jsonl").write_text(
        '{"instruction": "Why?", "candidates": [{"text": "a"}, {"text": "b"}]}\n'
    )
    (tmp_path / "other.gguf").write_bytes(small_llama(2).to_bytes())
    return config


def invoke(command: str) -> object:
    """In this process, whose notes go to one standard error after the other."""
    try:
        return commands.app(shlex.split(command), standalone_mode=False)
    finally:
        hide_notes()


@pytest.mark.slow
@pytest.mark.parametrize("fault", SINGLE_FAULTS, ids=lambda text: text[:60])
def test_every_command_that_reads_the_catalogue_works(
    fault: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "models.toml").write_text(SOUND.format(fault))
    for command, shows in WORKS.items():
        assert not invoke(command), command
        assert shows in capsys.readouterr().out, command
    for command, says in REFUSED.items():
        with pytest.raises(LocalcollabError, match=says):
            invoke(command)


@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "shows"),
    [
        ("run formulary Hello --max-tokens 2", ""),
        ("run good hello --max-tokens 2", ""),
        ("chat good --plain --incognito", "team good"),
        ("models fit good --n-ctx 128", "good fits"),
        ("teams check good --n-ctx 128", "one answer: ok"),
    ],
)
def test_what_opens_models_works_with_all_faults_at_once(
    command: str, shows: str, home: Path
) -> None:
    faults = [text.replace("bad", f"bad{n}") for n, text in enumerate(FAULTS.values())]
    (home / "models.toml").write_text(SOUND.format("\n\n".join(faults)))
    done = subprocess.run(
        [sys.executable, "-m", "localcollab", *command.split()],
        capture_output=True, text=True, check=False, input="", env=os.environ.copy(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert shows in done.stdout
    told = [line for line in done.stderr.splitlines() if line.endswith("(left out)")]
    assert len(told) == len(faults), done.stderr
