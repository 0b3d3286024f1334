"""Teams of several methods, and their members alone, on the same questions, with costs.

Contenders run one after the other, each in its own process, so that time and peak memory are measured
separately. `python -m localcollab.evaluation.compare` is that process: a request on
standard input; on standard output a line for every answer, then the result.
"""

import contextlib
import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from localcollab.catalog import (
    DEFAULT_TEAM,
    Alone,
    Blend,
    Catalog,
    TeamEntry,
    load_catalog,
    method_name,
)
from localcollab.chat.template import ChatTemplate
from localcollab.children.launch import Child
from localcollab.children.limits import whole_machine
from localcollab.errors import BadOption, EvaluationFailed, LocalcollabError
from localcollab.evaluation.asking import ask_team
from localcollab.evaluation.data import read_all
from localcollab.evaluation.questions import some_of, with_gold
from localcollab.evaluation.request import ComparisonRequest
from localcollab.evaluation.scores import Score, score
from localcollab.evaluation.statistics import Measured
from localcollab.llama.header import read_header
from localcollab.llama.machine import peak_rss_bytes
from localcollab.progress import Counted, OnProgress
from localcollab.teams.choice import TeamChoice
from localcollab.teams.file_settings import chat_template
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import Member, TeamPlan, plan_from_files
from localcollab.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Asked:
    """The same for every contender."""

    catalogs: tuple[Path, ...] = ()
    data: tuple[Path, ...] = ()
    limit: int | None = None
    seed: int = 0
    measure: str | None = None
    runs_code: bool = False


@dataclass(frozen=True, slots=True)
class Contender:
    """A team of the catalogue; or one of its members alone, or a model file, on its questions."""

    name: str
    kind: str
    """The team's method, "member" or "one model"."""
    team: str
    member: int | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """What an answer costs. Times are those of whole answers, prompts included."""

    ms_per_token: float
    cpu_ms_per_token: float
    """CPU time of all threads of this process."""
    peak_rss_bytes: int


@dataclass(frozen=True, slots=True)
class Entry:
    contender: Contender
    score: Score
    cost: Cost


def contenders(
    catalog: Catalog, names: Sequence[str], beside: Sequence[Path]
) -> tuple[Contender, ...]:
    """The named teams, or those of named methods; then each member once; then the files.

    Raises `BadCatalog`, `BadOption`.
    """
    teams = [team for name in names for team in teams_of_name(catalog, name)]
    found = {team.name: Contender(team.name, method_name(team.method), team.name) for team in teams}
    for team in teams:
        if isinstance(team.method, Alone):
            continue
        for k, place in enumerate(team.method.places):
            found.setdefault(
                f"{place.name} alone", Contender(f"{place.name} alone", "member", team.name, k)
            )
    for path in beside:
        found[str(path)] = Contender(path.stem, "one model", teams[0].name, file=path)
    return tuple(found.values())


def _default_base(catalog: Catalog) -> str:
    """The base of the default team. Raises `BadCatalog`."""
    name = catalog.default or DEFAULT_TEAM
    is_model = name in catalog.models and name not in catalog.teams
    return name if is_model else catalog.team(name).places[0].name


def teams_of_name(catalog: Catalog, name: str) -> list[TeamEntry]:
    """The team of this name; else the teams of this method with the default team's base."""
    if name in catalog.teams:
        return [catalog.team(name)]
    base = _default_base(catalog)
    found = [
        team
        for team in catalog.teams.values()
        if method_name(team.method) == name and team.places[0].name == base
    ]
    if not found:
        raise BadOption(
            f"`compare`: {name!r} is neither a team nor a method that a team of the model {base!r} "
            "has: localcollab teams lists them"
        )
    return found


def compare(request: ComparisonRequest, on_progress: OnProgress) -> list[Entry]:
    """Raises `BadCatalog`, `BadOption`, and what `compare_contenders` raises."""
    everyone = contenders(load_catalog(*request.catalogs), request.names, request.beside)
    asked = Asked(
        request.catalogs, request.data, request.limit, request.seed, request.measure,
        request.runs_code,
    )  # fmt: skip
    return compare_contenders(asked, everyone, on_progress)


def compare_contenders(
    asked: Asked, everyone: Sequence[Contender], show: OnProgress
) -> list[Entry]:
    """One after the other. Raises `BadOption`, `BadModelFile` before the first one starts, and
    `LocalcollabError` with the message of a contender's process said."""
    for contender in everyone:
        _require_files(_team_plan(asked, contender))
        if contender.file is not None:
            read_header(contender.file)
    return [_measure_apart(asked, contender, show) for contender in everyone]


def _team_plan(asked: Asked, contender: Contender) -> TeamPlan:
    return TeamChoice(contender.team, seed=asked.seed, catalogs=asked.catalogs).plan()


def _require_files(plan: TeamPlan) -> None:
    if isinstance(plan.method, Blend):
        raise BadOption(
            f"`compare`: {plan.name} is a blend, which writes no tokens of its own: evaluate it "
            "alone, as `team`"
        )
    for member in plan.files:
        read_header(member.path)


def _measure_apart(asked: Asked, contender: Contender, show: OnProgress) -> Entry:
    request = json.dumps({"asked": asdict(asked), "contender": asdict(contender)}, default=str)
    files = [member.path for member in _team_plan(asked, contender).files]
    child = Child(
        "localcollab.evaluation.compare", limits=whole_machine(files), stderr=None
    )  # fmt: skip
    try:
        result = _last_said(
            child, request, lambda n, total: show(Counted(contender.name, n, total))
        )
        status = child.process.wait()
    finally:
        child.close()
    if "error" in result:
        raise LocalcollabError(result["error"])
    if status or "score" not in result:
        raise EvaluationFailed(
            f"{contender.name}: its process ended with status {status}: leave it out, or "
            "check whether localcollab run works with it"
        )
    return Entry(contender, _score_of(result["score"]), Cost(**result["cost"]))


def _score_of(record: dict[str, Any]) -> Score:
    measures = {name: Measured(**found) for name, found in record["measures"].items()}
    return Score(**record | {"interval": tuple(record["interval"]), "measures": measures})


def _last_said(child: Child, request: str, show: Callable[[int, int], None]) -> dict[str, Any]:
    """The message after all progress; if the process ended early, its last message."""
    assert child.process.stdin is not None
    assert child.process.stdout is not None
    child.send(request.encode())
    with contextlib.suppress(BrokenPipeError):  # it ended: its status says how
        child.process.stdin.close()
    said: dict[str, Any] = {}
    for line in child.process.stdout:
        said = json.loads(line)
        if "progress" in said:
            show(*said["progress"])
    return said


def measure(asked: Asked, contender: Contender, say: Callable[[dict[str, Any]], None]) -> None:
    """Runs in the contender's process. Raises `BadOption`, and what opening and asking raise."""
    plan = _team_plan(asked, contender)
    questions = read_all(plan, asked.data, measure=asked.measure, runs_code=asked.runs_code)
    chosen = some_of(with_gold(questions), asked.limit, asked.seed)
    team = _open(plan, contender)
    done = 0
    say({"progress": [0, len(chosen)]})

    def tick() -> None:
        nonlocal done
        done += 1
        say({"progress": [done, len(chosen)]})

    cpu = time.process_time()
    outcomes = ask_team(team, chosen, tick)
    cpu = time.process_time() - cpu
    # The end token counts too: an empty answer is not free.
    n_tokens = len(outcomes) + sum(sum(outcome.authors.values()) for outcome in outcomes)
    seconds = sum(outcome.seconds for outcome in outcomes)
    cost = Cost(1000 * seconds / n_tokens, 1000 * cpu / n_tokens, peak_rss_bytes())
    say({"score": asdict(score(outcomes)), "cost": asdict(cost)})


def _open(plan: TeamPlan, contender: Contender) -> OpenTeam:
    """A member alone uses the chat template of its team, a file its own."""
    if contender.file is not None:
        return open_team(plan_from_files(contender.file, ()))
    if contender.member is None:
        return open_team(plan)
    chosen = plan.members[contender.member]
    alone = TeamPlan(chosen.name, (chosen,)) if isinstance(chosen, Member) else chosen
    opened = open_team(alone)
    template = _template_of(plan.first, opened.model.vocabulary)
    return replace(opened, template=template or opened.template)


def _template_of(member: Member, vocabulary: Vocabulary) -> ChatTemplate | None:
    """From the file's header; its weights are not loaded."""
    text = read_header(member.path).metadata.get("tokenizer.chat_template")
    return chat_template(str(text), member.path.name, vocabulary) if text else None


def main() -> None:
    def say(record: dict[str, Any]) -> None:
        print(json.dumps(record), flush=True)

    # Ctrl-C in a terminal reaches the whole process group; the parent stops this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    request = json.load(sys.stdin)
    asked, contender = request["asked"], request["contender"]
    file = contender["file"]
    try:
        measure(
            Asked(
                tuple(map(Path, asked["catalogs"])), tuple(map(Path, asked["data"])),
                asked["limit"], asked["seed"], asked["measure"], asked["runs_code"],
            ),
            Contender(**contender | {"file": Path(file) if file else None}),
            say,
        )  # fmt: skip
    except LocalcollabError as error:
        say({"error": str(error)})


if __name__ == "__main__":
    main()
