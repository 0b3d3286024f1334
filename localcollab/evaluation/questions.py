"""Questions with gold answers, one JSON record per line; and when an answer is right."""

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcollab.catalog import DEFAULT_TEAM, SHIPPED
from localcollab.errors import BadData, BadOption
from localcollab.teams.plan import TeamPlan

_SHIPPED_SETS = ("test.jsonl", "unknown.jsonl", "own-form.jsonl")


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    gold: str
    """Empty: there is no right answer, only double-check flags are counted."""
    kind: str = ""
    wording: str = ""
    prompt: str | None = None
    """Given: the text is not asked in the chat form but continued, by `member` alone."""
    member: str = ""


def read_questions(path: Path) -> list[Question]:
    """`{"messages": [user, assistant]}` or `{"prompt", "completion"}` a line. Raises `BadData`."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"{path}: cannot be read ({error}): give a JSONL file in UTF-8") from error
    questions = [_parse(path, n, line) for n, line in enumerate(lines, 1) if line.strip()]
    if not questions:
        raise BadData(f"{path}: holds no question: give one JSON record per line")
    return questions


def with_gold(questions: Iterable[Question]) -> list[Question]:
    """Those with a right answer that are asked in the chat form. Raises `BadOption`: there is none."""
    found = [q for q in questions if q.prompt is None and q.gold]
    if not found:
        raise BadOption("the data holds no question with a gold answer: add some")
    return found


def _parse(path: Path, n: int, line: str) -> Question:
    try:
        record = json.loads(line)
        if "messages" in record:
            return _from_messages(record)
        return Question(
            str(record["prompt"]), str(record["completion"]), str(record.get("kind", "")),
            prompt=str(record["prompt"]), member=str(record.get("member", "")),
        )  # fmt: skip
    except (
        ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError
    ) as error:  # fmt: skip
        raise BadData(
            f"{path}: line {n} is not a question ({type(error).__name__}: {error}): give "
            '{"messages": [{"role": "user", ...}, {"role": "assistant", ...}]}'
        ) from error


def _from_messages(record: Mapping[str, Any]) -> Question:
    messages = record["messages"]
    if len(messages) > 2 or messages[0]["role"] != "user":
        raise ValueError("one question and its answer are expected")
    gold = messages[1]["content"] if len(messages) == 2 else ""
    return Question(
        str(messages[0]["content"]), str(gold), str(record.get("kind", "")),
        str(record.get("wording", "")),
    )  # fmt: skip


def is_right(answer: str, gold: str) -> bool:
    """Exact, but for white space."""
    return answer.split() == gold.split()


def read_all(plan: TeamPlan, data: tuple[Path, ...]) -> list[Question]:
    """The questions of `data`, else those that ship with the team. Raises `BadData`, `BadOption`."""
    if data:
        return [question for path in data for question in read_questions(path)]
    folder = SHIPPED / DEFAULT_TEAM
    if plan.first.path.parent.resolve() != folder.resolve():
        raise BadOption(f"no questions ship with the team {plan.name!r}: give `data`")
    names = {"", *(member.name for member in plan.members)}
    shipped = [question for name in _SHIPPED_SETS for question in read_questions(folder / name)]
    return [question for question in shipped if question.member in names]


def some_of(questions: list[Question], limit: int | None, seed: int) -> list[Question]:
    """All of them, or `limit` drawn at random."""
    if limit is None or limit >= len(questions):
        return questions
    return random.Random(seed).sample(questions, limit)
