"""A request -> its figures, team by team, as they are measured."""

import importlib.metadata
import os
from collections.abc import Iterator

from localcollab.bench import costs, published, speculative, speed, turns
from localcollab.bench.drafting import draft_forecast
from localcollab.bench.figures import Figure
from localcollab.bench.memory import peak_memory
from localcollab.bench.request import BenchRequest
from localcollab.bench.second_start import second_start
from localcollab.bench.setting import N_ANSWER, N_PROMPT, Setting, open_setting
from localcollab.bench.startup import TeamArguments, start_up
from localcollab.llama import machine
from localcollab.llama.machine import physical_cores
from localcollab.progress import OnProgress

_TITLES = {
    "a": "base alone against the bare loop",
    "b": "team against the additive limit",
    "c": "the published style, in transformers (slow)",
    "d": "the second turn of a chat",
    "e": "export of hidden states",
    "f": "memory",
    "g": "start-up",
    "j": "the second start of a conversation",
    "n": "what a draft promises",
    "h": "proposed tokens against the plain team",
    "i": "proposed tokens against the base alone",
    "k": "answers that quote their source",
    "m": "what a read of several tokens costs",
}


def measure(request: BenchRequest, on_progress: OnProgress) -> Iterator[tuple[str, Figure]]:
    """(team, figure). Raises `BadCatalog`, `BadOption`, and what opening a team raises."""
    for name in request.teams:
        team = TeamArguments(name, request.catalogs, request.draft)
        setting: Setting | None = None
        for letter in request.letters:
            on_progress(f"{name}: {_TITLES[letter]}")
            # Children measure memory and start-up while this process waits.
            if letter == "f":
                yield name, peak_memory(team)
            elif letter == "g":
                yield name, start_up(team, request.n_rounds)
            elif letter == "j":
                plan = team.plan()
                yield name, second_start(plan, request.n_rounds, on_progress, busy=request.busy)
            else:
                setting = setting or open_setting(team.plan(), on_progress, busy=request.busy)
                yield name, _measure_one(letter, setting, request)


def _measure_one(letter: str, setting: Setting, request: BenchRequest) -> Figure:
    n_rounds = request.n_rounds
    match letter:
        case "a":
            return speed.base_against_bare(setting, n_rounds)
        case "b":
            return speed.team_against_limit(setting, n_rounds)
        case "c":
            return published.against_published(setting, n_rounds)
        case "d":
            return turns.second_turn(setting)
        case "n":
            return draft_forecast(setting, n_rounds)
        case "h":
            return speculative.speculation_against_plain(setting, n_rounds, request.questions)
        case "i":
            return speculative.speculation_against_base(setting, n_rounds, request.questions)
        case "k":
            return speculative.quotes_against_plain(setting, n_rounds)
        case "m":
            return costs.cost_curves(setting)
    return published.export_speed(setting, n_rounds)


def describe_machine(*, busy: bool) -> dict[str, object]:
    """What the figures depend on."""
    return {
        "cpu": machine.cpu_name(),
        "physical_cores": physical_cores(),
        "clock": "CPU time of one thread" if busy else "wall",
        "load_average": round(os.getloadavg()[0], 2),
        "llama_cpp_python": importlib.metadata.version("llama-cpp-python"),
        "n_prompt": N_PROMPT,
        "n_answer": N_ANSWER,
    }
