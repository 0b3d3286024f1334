"""`localcollab bench`: which figures, in which order; the machine is named beside them."""

import importlib.metadata
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from localcollab.bench import published, report, speed, turns
from localcollab.bench.figures import Figure
from localcollab.bench.memory import peak_memory
from localcollab.bench.setting import N_ANSWER, N_PROMPT, Setting, open_setting
from localcollab.bench.startup import TeamArguments, start_up
from localcollab.catalog import DEFAULT_TEAM
from localcollab.errors import BadOption
from localcollab.llama.machine import cpu_name, physical_cores
from localcollab.terminal.status import Status

LETTERS = "abcdefg"


def run(
    teams: Sequence[str],
    catalogs: Sequence[Path],
    *,
    only: str | None,
    n_rounds: int,
    busy: bool,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Raises `BadOption`, `BadCatalog`, and what opening a team raises."""
    letters = parse_only(only)
    if not 1 <= n_rounds <= 1000:
        raise BadOption(f"`n_rounds` is {n_rounds}: give 1 to 1000")
    if plot:
        # Imported here: only pictures need it.
        from localcollab.cli.evaluate_command import require_drawable

        require_drawable(plot)
    status = Status(sys.stderr)
    results: dict[str, list[Figure]] = {}
    for name in teams or [DEFAULT_TEAM]:
        arguments = TeamArguments(name, tuple(catalogs))
        results[name] = []
        for figure in measure(arguments, letters, n_rounds, busy, status):
            results[name].append(figure)
            status.note(f"{name}: {report.one_line(figure)}")
    status.clear()
    print(report.as_json(results, machine(busy)) if as_json else report.as_table(results))
    if plot:
        report.draw(results, plot)
        status.note(f"drawn to {plot}")


def parse_only(only: str | None) -> str:
    """`a,b` -> "ab", in order; None: all."""
    if only is None:
        return LETTERS
    chosen = [part.strip() for part in only.split(",")]
    unknown = [part for part in chosen if part not in list(LETTERS)]
    if unknown:
        raise BadOption(f"`only` names {unknown[0]!r}: choose from {', '.join(LETTERS)}")
    return "".join(letter for letter in LETTERS if letter in chosen)


def measure(
    arguments: TeamArguments, letters: str, n_rounds: int, busy: bool, status: Status
) -> Iterator[Figure]:
    """In the order of the letters; children run while this process waits."""
    setting: Setting | None = None
    for letter in letters:
        status.show(f"{arguments.team}: {_ABOUT[letter]}")
        if letter == "f":
            yield peak_memory(arguments)
        elif letter == "g":
            yield start_up(arguments, n_rounds)
        else:
            setting = setting or open_setting(arguments.plan(), status.show, busy=busy)
            yield _measure_one(letter, setting, n_rounds)


def _measure_one(letter: str, setting: Setting, n_rounds: int) -> Figure:
    match letter:
        case "a":
            return speed.base_against_bare(setting, n_rounds)
        case "b":
            return speed.team_against_limit(setting, n_rounds)
        case "c":
            return published.against_published(setting, n_rounds)
        case "d":
            return turns.second_turn(setting)
    return published.export_speed(setting, n_rounds)


_ABOUT = {
    "a": "base alone against the bare loop",
    "b": "team against the additive limit",
    "c": "the published style, in transformers (slow)",
    "d": "the second turn of a chat",
    "e": "export of states",
    "f": "memory",
    "g": "start-up",
}


def machine(busy: bool) -> dict[str, object]:
    return {
        "cpu": cpu_name(),
        "physical_cores": physical_cores(),
        "clock": "CPU time of one thread" if busy else "wall",
        "load_average": round(os.getloadavg()[0], 2),
        "llama_cpp_python": importlib.metadata.version("llama-cpp-python"),
        "n_prompt": N_PROMPT,
        "n_answer": N_ANSWER,
    }
