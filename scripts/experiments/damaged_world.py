"""Second thoughts of a team whose expert learned wrong facts, and of the shipped one.

    python scripts/experiments/damaged_expert.py --out DIR
    python scripts/experiments/damaged_world.py DIR [--split test] [--way check] [--limit 200] [--sound]
        [--models FILE.toml --team NAME] [--only TRIGGER] [--questions FILE.jsonl --documents FOLDER]

Asks the questions of the split twice, without and with second thoughts, with the true monographs as a
collection. `--way`: `check` (the documents are only compared with), `quotes` (the expert copies from
them anyway), `prompt`, `none` (no documents). `--sound`: the shipped team; `--team`: any other, whose
answers are right where they contain the value that is asked for; `--questions` and `--documents`: of
another world, as {"prompt": ..., "answers": [...]} and files. Prints JSON: accuracy of both, paired
(exact McNemar), recoverable errors (the gold answer's fact stands in a passage that was found), false
rewinds (of answers that were right without), doubts and rewinds by trigger (`--only`: of one alone), and
what was written more. `--split valid` is for choosing, test for measuring once.
"""

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from localcollab.catalog import load_catalog
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.second_thoughts import Doubts
from localcollab.decoding.triggers import Span, Trigger
from localcollab.documents.answer import answer as answering
from localcollab.documents.answer.answer import Library
from localcollab.documents.answer.events import AnswerEvent, Sources
from localcollab.documents.collection import Collection
from localcollab.evaluation.questions import is_right
from localcollab.evaluation.statistics import sign_test, wilson_interval
from localcollab.events import Event, Finished, Retracted
from localcollab.teams import session as asking
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import plan_from_catalog
from localcollab.teams.session import Session

SHIPPED = Path(__file__).parents[2] / "localcollab/shipped/formulary"
FILES = {"valid": "head-valid.jsonl", "test": "test.jsonl", "unknown": "unknown.jsonl"}
TRIGGERS = {"is not what": "passage", "says ": "documents", "is unlikely": "disagreement",
            "is about": "familiarity", "repeated": "loop", "is right with": "learned"}  # fmt: skip
LIMITS = Limits(96)


@dataclass(frozen=True, slots=True)
class Answered:
    text: str
    right: bool
    is_found: bool
    """The gold answer stands in what was found."""
    backs: tuple[Retracted, ...]
    n_positions: int
    """Of prompt and answer."""
    n_extra: int
    doubts: tuple[str, ...]
    """Triggers that doubted a span of it."""


_doubted: list[str] = []


def watch_triggers(only: str | None) -> None:
    """Every doubt of an answer is noted; `only`: other triggers are left out."""
    inner = vars(asking)["generate"]

    def watched(trigger: Trigger) -> Trigger:
        def doubt(span: Span) -> str | None:
            why = trigger.doubt(span)
            if why and span.own:  # not of an alternative
                _doubted.append(trigger.name)
            return why

        return replace(trigger, doubt=doubt)

    def generate(
        *given: Any, second_thoughts: Doubts | None = None, **more: Any
    ) -> Iterator[Event]:
        if second_thoughts is not None:
            kept = [t for t in second_thoughts.triggers if only in (None, t.name)]
            second_thoughts = replace(second_thoughts, triggers=tuple(map(watched, kept)))
        events: Iterator[Event] = inner(*given, second_thoughts=second_thoughts, **more)
        return events

    vars(asking)["generate"] = generate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("world", type=Path)
    parser.add_argument("--split", choices=FILES, default="valid")
    parser.add_argument("--way", choices=("check", "quotes", "prompt", "none"), default="check")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--sound", action="store_true")
    parser.add_argument("--models", type=Path, action="append", help="a catalogue")
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--documents", type=Path)
    parser.add_argument("--only", help="a trigger's name: without the others")
    parser.add_argument("--team", help="of the catalogue")
    asked = parser.parse_args()
    file = asked.questions or SHIPPED / FILES[asked.split]
    lines = file.read_text(encoding="utf-8").splitlines()
    items = [to_item(json.loads(line)) for line in lines][: asked.limit]
    catalogs = asked.models or [asked.world / "models.toml"]
    catalog = load_catalog(*([] if asked.sound else catalogs))
    name = asked.team or ("formulary" if asked.sound else "damaged")
    team = open_team(plan_from_catalog(catalog, catalog.team(name)))
    thinking = replace(team, settings=replace(team.settings, second_thoughts=True))
    watch_triggers(asked.only)
    with Collection(None) as collection:
        library = None
        if asked.way != "none":
            collection.add([asked.documents or asked.world / "collection"])
            library = Library(collection, "true", asked.way)
        off = [answer(team, library, item, contains=bool(asked.team)) for item in items]
        on = [answer(thinking, library, item, contains=bool(asked.team)) for item in items]
    print(json.dumps(result(items, off, on), indent=1))


def to_item(record: dict[str, Any]) -> dict[str, object]:
    if "prompt" not in record:
        return record
    message = {"role": "user", "content": record["prompt"]}
    return {"messages": [message], "gold": record["answers"][0], "kind": "question"}


def answer(
    team: OpenTeam, library: Library | None, item: dict[str, object], *, contains: bool
) -> Answered:
    question = str(item["messages"][0]["content"])  # type: ignore[index]
    gold, found, backs = str(item["gold"]), library is None, list[Retracted]()
    _doubted.clear()
    session = Session(team)
    events: Iterator[AnswerEvent]
    if library is None:
        events = session.ask(question, None, LIMITS, takes_back=True)
    else:
        events = answering.ask(session, library, question, None, LIMITS, takes_back=True)
    for event in events:
        match event:
            case Sources(passages=passages):
                said = gold.partition(". ")[0].rstrip(".")
                found = any(said in " ".join(each.text.split()) for each in passages)
            case Retracted():
                backs.append(event)
            case Finished() as end:
                pass
    right = holds(end.text, gold) if contains else is_right(end.text, gold)
    n_positions = end.n_prompt + len(end.tokens)
    return Answered(
        end.text, right, found, tuple(backs), n_positions, end.n_rewritten, tuple(_doubted)
    )  # fmt: skip


def holds(text: str, gold: str) -> bool:
    """Whether the answer has the value: what follows the last "is" or "are", or the result."""
    value = re.split(r" is | are | = ", gold)[-1].rstrip(".").removesuffix(" Labs")
    return all(part.casefold() in text.casefold() for part in value.split(" and "))


def result(
    items: list[dict[str, object]], off: list[Answered], on: list[Answered]
) -> dict[str, object]:
    pairs = list(zip(off, on, strict=True))
    recoverable = [(a, b) for a, b in pairs if not a.right and a.is_found]
    right = [(a, b) for a, b in pairs if a.right]
    n, lost = len(pairs), sum(a.right and not b.right for a, b in pairs)
    gained = sum(b.right and not a.right for a, b in pairs)
    changed = [
        f"{item['gold']} | {a.text} | {b.text} | {[back.line for back in b.backs]}"
        for item, a, b in zip(items, off, on, strict=True)
        if b.backs and (a.right or not b.right)
    ]
    return {
        "n": n,
        "without": accuracy([a.right for a in off]),
        "with": accuracy([b.right for b in on]),
        "gained": gained,
        "lost": lost,
        "mcnemar p": sign_test(gained, lost),
        "recoverable": len(recoverable),
        "recovered": sum(b.right for _, b in recoverable),
        "right answers": len(right),
        "of these rewound": sum(bool(b.backs) for _, b in right),
        "triggers": dict(sorted(precision(pairs))),
        "tokens more": round(sum(b.n_extra for b in on) / sum(a.n_positions for a in off), 4),
        "most, of one answer": max(b.n_extra / a.n_positions for a, b in pairs),
        "untouched and different": sum(a.text != b.text and not b.backs for a, b in pairs),
        "by kind": {
            kind: [sum(a.right for k, a in zip(kinds(items), off, strict=True) if k == kind),
                   sum(b.right for k, b in zip(kinds(items), on, strict=True) if k == kind), n_kind]
            for kind, n_kind in Counter(kinds(items)).items()
        },
        "rewound in vain": changed[:12],
    }  # fmt: skip


def kinds(items: list[dict[str, object]]) -> list[str]:
    return [str(item["kind"]) for item in items]


def accuracy(right: list[bool]) -> dict[str, object]:
    share = round(sum(right) / len(right), 4)
    return {"accuracy": share, "interval": wilson_interval(sum(right), len(right))}


def precision(pairs: list[tuple[Answered, Answered]]) -> Iterator[tuple[str, dict[str, int]]]:
    """By trigger: doubts and rewinds, and how many of them were of answers that were wrong without."""
    for name in set(TRIGGERS.values()):
        doubts = [not a.right for a, b in pairs for doubt in b.doubts if doubt == name]
        backs = [not a.right for a, b in pairs for back in b.backs if trigger_of(back) == name]
        if doubts or backs:
            yield name, {
                "doubts": len(doubts), "doubts of wrong answers": sum(doubts),
                "rewinds": len(backs), "rewinds of wrong answers": sum(backs),
            }  # fmt: skip


def trigger_of(back: Retracted) -> str:
    return next(name for start, name in TRIGGERS.items() if back.why.startswith(start))


if __name__ == "__main__":
    main()
