"""Is the verdict of `tune` right? Made on questions of one half of a task, checked on the other half.

`python scripts/experiments/verdicts.py --base SMOLLM2.gguf --expert GEMMA.gguf --fixtures DIR --out DIR`

Seven tasks, named beforehand: PopQA (the 400 most popular of each half), WikiDYK, ARC-Challenge (by
likelihood), TableMWP and XQuAD (English) for the equal mixture of words of two strangers; and two planted
ones for the shipped models, one whose team wins (`formulary` on its test questions) and one whose team
loses (formulary as base, and arithmetic, which knows nothing of medicines, as expert, on what formulary
knows, in its own form). Answers end with their line, but for the winner's.

`tune` sees the first half alone: 4 questions are shown, `--choose` choose forms and team, `--quote` make
the verdict. Then the team and every member answer `--check` questions of the other half. A verdict is
right when its choice is: "team" where the team is right more often there than every member, "member"
where the team's gain over that member is below `--worth` there; "unknown" is neither. Answers are kept in
`--out`: a stopped run goes on.
"""

import argparse
import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from localcollab.evaluation.forms import read_record
from localcollab.evaluation.questions import Question
from localcollab.evaluation.statistics import discordant, sign_test
from localcollab.llama.options import Options
from localcollab.teams.choice import TeamChoice
from localcollab.tuning.asking import ModelFiles
from localcollab.tuning.cast import cast_of
from localcollab.tuning.contenders import contenders
from localcollab.tuning.journal import Journal
from localcollab.tuning.make import Single, Split, Tuning
from localcollab.tuning.report import verdict_line
from localcollab.tuning.request import TuneRequest
from localcollab.tuning.training import in_folder

_SHIPPED = Path(__file__).parents[2] / "localcollab" / "shipped" / "formulary"
_N_SHOWN, _N_POPULAR, _SEED = 4, 400, 0
_LINE = {"stop": ["\n"]}
"""An answer ends with its line."""
Record = dict[str, Any]
Halves = tuple[list[Record], list[Record]]


@dataclass(frozen=True)
class Task:
    name: str
    halves: Halves
    choice: TeamChoice
    measure: str | None = None


@dataclass(frozen=True)
class Checked:
    """What was said on one half, and what is so on the other."""

    task: str
    team: str
    member: str
    accuracies: tuple[float, float]
    """Team, member; on the questions of the verdict."""
    p: float
    decision: str
    n_more: int
    elsewhere: tuple[float, float]
    """Team, and that member; beside a team that is to be used, the best member there."""
    p_elsewhere: float
    is_right: bool
    everywhere: dict[str, float]
    """Accuracy on both of these, also of the surest answer and of whoever knows which member is right."""
    n_everywhere: int
    line: str
    record: Record
    """Everything that `tune` measured."""


def tasks_of(fixtures: Path, strangers: TeamChoice) -> Iterator[Task]:
    tasks = fixtures / "tasks"
    yield Task("WikiDYK", by_split(tasks / "wikidyk.jsonl"), strangers)
    yield Task("PopQA", popular(by_split(tasks / "popqa.jsonl")), strangers)
    yield Task("ARC-Challenge", by_split(tasks / "arc_challenge.jsonl"), strangers)
    yield Task("TableMWP", bare(by_split(tasks / "tablemwp.jsonl")), strangers, "em")
    yield Task("XQuAD", by_article(fixtures / "data" / "xquad.en.json"), strangers)
    yield Task(
        "planted: wins", in_two(records_of(_SHIPPED / "test.jsonl")), TeamChoice("formulary")
    )
    own = [r for r in records_of(_SHIPPED / "own-form.jsonl") if r["member"] == "formulary"]
    known = [{key: r[key] for key in ("prompt", "completion")} | _LINE for r in own]
    loser = TeamChoice(base="formulary", experts=("arithmetic",))
    yield Task("planted: loses", in_two(known), loser)


def mixture_of_words(arguments: argparse.Namespace) -> Path:
    """A models.toml with the strangers and a team of this name."""
    path: Path = arguments.out / "models.toml"
    files = [arguments.base.absolute(), arguments.expert.absolute()]
    models = (
        f"[models.{json.dumps(file.stem)}]\npath = {json.dumps(str(file))}\n" for file in files
    )
    members = json.dumps([file.stem for file in files])
    team = f'[teams.mixture]\nmethod = "mixture"\nmembers = {members}\n'
    path.write_text("".join(models) + team)
    return path


def records_of(path: Path) -> list[Record]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def by_split(path: Path) -> Halves:
    records = [record | _LINE for record in records_of(path)]
    first, second = ([r for r in records if r["split"] == split] for split in ("dev", "test"))
    return first, second


def popular(halves: Halves) -> Halves:
    first, second = (sorted(half, key=lambda r: -r["popularity"])[:_N_POPULAR] for half in halves)
    return first, second


def bare(halves: Halves) -> Halves:
    """Without the prompt's own "Answer:"."""
    first, second = (
        [{**r, "prompt": r["prompt"].removesuffix("Answer:").rstrip()} for r in half]
        for half in halves
    )
    return first, second


def by_article(path: Path) -> Halves:
    """Questions of the first half of the articles, and of the second."""
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    middle = len(articles) // 2
    first, second = (
        [
            {
                "context": paragraph["context"],
                "question": asked["question"],
                "answers": [answer["text"] for answer in asked["answers"]],
            }
            | _LINE
            for article in part
            for paragraph in article["paragraphs"]
            for asked in paragraph["qas"]
        ]
        for part in (articles[:middle], articles[middle:])
    )
    return first, second


def in_two(records: Sequence[Record]) -> Halves:
    drawn = list(records)
    random.Random(_SEED).shuffle(drawn)
    return drawn[: len(drawn) // 2], drawn[len(drawn) // 2 :]


def drawn(records: Sequence[Record], n: int, measure: str | None) -> list[Question]:
    chosen = random.Random(_SEED).sample(list(records), min(n, len(records)))
    return [read_record(record, measure) for record in chosen]


def check(task: Task, arguments: argparse.Namespace) -> Checked:
    first, second = task.halves
    n_first = _N_SHOWN + arguments.choose + arguments.quote
    seen = drawn(first, n_first, task.measure)
    questions = [*seen, *drawn(second, arguments.check, task.measure)]
    shown = () if seen[0].is_plain else tuple(range(_N_SHOWN))
    choosing = range(_N_SHOWN, _N_SHOWN + arguments.choose)
    split = Split(shown, tuple(choosing), tuple(range(choosing.stop, len(seen))))
    digest = hashlib.sha256(repr(questions).encode()).hexdigest()[:8]
    folder = arguments.out / f"{file_name(task.name)}-{digest}"
    request = TuneRequest(
        task.choice, (folder,), seed=_SEED, writes=False, worth=arguments.worth,
        n_samples=arguments.samples, options=Options(n_ctx=arguments.n_ctx),
    )  # fmt: skip
    cast = cast_of(task.choice)
    journal, files = Journal(folder), ModelFiles(cast, request.options, lambda progress: None)
    try:
        train = in_folder(folder / "head", request, cast, lambda progress: None)
        tuning = Tuning(
            request, cast, questions, files, journal, train, lambda progress: None,
            lambda note: print(f"  {task.name}: {note}", flush=True), split,
        )  # fmt: skip
        return checked(task, tuning, range(len(seen), len(questions)), arguments.worth)
    finally:
        files.close()
        journal.close()


def file_name(task: str) -> str:
    return task.replace(": ", "-")


def checked(task: Task, tuning: Tuning, others: Sequence[int], worth: float) -> Checked:
    found = tuning.run()
    assert found.winner is not None
    assert found.verdict is not None
    assert tuning.winner is not None
    assert tuning.best is not None
    team = [answer.right for answer in tuning.of_team(tuning.winner, others)]
    places = [*tuning.split.quote, *others]
    everyone = of_everyone(tuning, places)
    members = {name: everyone[name][-len(others) :] for name in tuning.chosen}
    decision, member = found.verdict.decision, members[tuning.best.name]
    rival = max(members.values(), key=sum) if decision == "team" else member
    wins, losses = discordant(team, rival)
    gain = (wins - losses) / len(others)
    return Checked(
        task.name, found.winner.name, f"{found.best.name} [{found.best.form}]",
        (found.winner.accuracy, found.best.accuracy), found.verdict.p, decision,
        found.verdict.n_more, (sum(team) / len(team), sum(rival) / len(rival)),
        sign_test(wins, losses), holds(decision, gain, worth),
        {name: sum(rights) / len(rights) for name, rights in everyone.items()}, len(places),
        verdict_line(found), found.record(),
    )  # fmt: skip


def of_everyone(tuning: Tuning, places: Sequence[int]) -> dict[str, list[bool]]:
    """Right or wrong, by question."""
    assert tuning.winner is not None
    found = {
        name: [answer.right for answer in tuning.alone(Single(name, form), places)]
        for name, form in tuning.chosen.items()
    }
    either = [any(rights) for rights in zip(*found.values(), strict=True)]
    surest = next(each for each in contenders(tuning.cast) if each.kind == "answers")
    for contender in (tuning.winner, surest):
        answers = tuning.of_team(contender, places)
        found[contender.name] = [answer.right for answer in answers]
    return found | {"either member": either}


def holds(decision: str, gain: float, worth: float) -> bool:
    """`gain`: of the team on questions that decided nothing."""
    return gain > 0 if decision == "team" else decision == "member" and gain < worth


def row(found: Checked) -> str:
    said = found.decision if not found.n_more else f"about {found.n_more} more"
    (team, member), (team_2, member_2) = found.accuracies, found.elsewhere
    right = "right" if found.is_right else "-" if found.decision == "unknown" else "wrong"
    cells = (
        found.task, found.team, found.member, f"{team:.3f} / {member:.3f}", f"{found.p:.2g}", said,
        f"{team_2:.3f} / {member_2:.3f}", f"{found.p_elsewhere:.2g}", right,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--expert", type=Path, required=True)
    parser.add_argument("--fixtures", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--choose", type=int, default=40)
    parser.add_argument("--quote", type=int, default=160)
    parser.add_argument("--check", type=int, default=160)
    parser.add_argument("--samples", type=int, default=1)
    parser.add_argument("--worth", type=float, default=0.05)
    parser.add_argument("--n-ctx", type=int, default=2048)
    parser.add_argument(
        "--every-team", action="store_true", help="Not the mixture of words alone: gates and heads."
    )
    parser.add_argument("--only", action="append", help="A task by name; may be repeated.")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    strangers = TeamChoice("mixture", catalogs=(mixture_of_words(arguments),))
    if arguments.every_team:
        strangers = TeamChoice(base=arguments.base, experts=(arguments.expert,))
    for task in tasks_of(arguments.fixtures, strangers):
        if arguments.only is None or task.name in arguments.only:
            found = check(task, arguments)
            out = arguments.out / f"{file_name(task.name)}.json"
            out.write_text(json.dumps(asdict(found), indent=1) + "\n")
            print(found.line, row(found), sep="\n", flush=True)
            shares = (f"{name} {share:.3f}" for name, share in found.everywhere.items())
            print(f"on all {found.n_everywhere}: {', '.join(shares)}", flush=True)


if __name__ == "__main__":
    main()
