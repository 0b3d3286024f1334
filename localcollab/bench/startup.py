"""(g) Start-up: `localcollab --help` above bare Python, and the first token of `run`."""

import json
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localcollab.bench.figures import Figure, alternate, quartiles, skipped
from localcollab.children.launch import Child, run
from localcollab.children.limits import whole_machine
from localcollab.errors import EvaluationFailed
from localcollab.teams.choice import TeamChoice
from localcollab.teams.plan import TeamPlan

_LABEL = "first token of run, seconds"
_CLI = "localcollab"
_SECONDS_ALLOWED = 120


@dataclass(frozen=True, slots=True)
class TeamArguments:
    """A team as a child process is told of it."""

    team: str | None
    catalogs: tuple[Path, ...]
    draft: str | None = None

    def words(self) -> list[str]:
        words = ["--team", self.team] if self.team else []
        for path in self.catalogs:
            words += ["--models", str(path)]
        return words + (["--draft", self.draft] if self.draft else [])

    def plan(self) -> TeamPlan:
        return TeamChoice(team=self.team, draft=self.draft, catalogs=self.catalogs).plan()


def parse_team(words: Sequence[str]) -> TeamArguments:
    """What `TeamArguments.words` gave."""
    pairs = list(zip(words[::2], words[1::2], strict=True))
    given = dict(pairs)
    catalogs = tuple(Path(value) for key, value in pairs if key == "--models")
    return TeamArguments(given.get("--team"), catalogs, given.get("--draft"))


def start_up(team: TeamArguments, n_rounds: int) -> Figure:
    """Help and bare Python alternate; a first token needs the check of the files to be remembered."""
    if first_token(team) is None:
        return skipped("startup", _LABEL, "localcollab run gave no token")
    seconds = alternate(
        {
            "python": lambda: _seconds("keyword"),  # a module that does nothing when it is run
            "help": lambda: _seconds(_CLI, "--help"),
            "token": lambda: first_token(team) or 0.0,
        },
        n_rounds,
    )
    above = [h - p for h, p in zip(seconds["help"], seconds["python"], strict=True)]
    help_ms = 1000 * statistics.median(above)
    token = statistics.median(seconds["token"])
    details = {"help_ms_above_python": help_ms, "first_token_seconds": token}
    return Figure("startup", _LABEL, token, quartiles(seconds["token"]),
                  f"help: {help_ms:.0f} ms above bare Python", details)  # fmt: skip


def _seconds(program: str, *arguments: str) -> float:
    started = time.perf_counter()
    ended = run(program, arguments, limits=whole_machine(seconds=_SECONDS_ALLOWED))
    seconds = time.perf_counter() - started
    if ended.code:
        raise EvaluationFailed(f"{program} {ended.words}: run localcollab doctor")
    return seconds


def first_token(team: TeamArguments) -> float | None:
    """Seconds from the start of `localcollab run` to its first token; None: it gave none."""
    files = [member.path for member in team.plan().files]
    arguments = ["run", *team.words(), "--json", "--max-tokens", "1", "Hello, who are you?"]
    started = time.perf_counter()
    child = Child(
        _CLI, arguments, limits=whole_machine(files), stdin=subprocess.DEVNULL,
        environment={"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert child.process.stdout is not None
    elapsed = None
    try:
        for line in child.process.stdout:
            if json.loads(line)["event"] == "token":
                elapsed = time.perf_counter() - started
                break
        child.process.stdout.read()
    finally:
        child.close()
    return elapsed
