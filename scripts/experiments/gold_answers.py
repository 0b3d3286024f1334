"""What `strict` makes of right answers, and of wrong ones of the same kind.

    python scripts/experiments/gold_answers.py --data xquad.en.json [--split held-out] [--limit 100]

Every question of XQuAD is answered by its gold answer, and by another number or name of the same
paragraph: alone, which counts as the question's sentence with the answer in the place of "who" or "when",
and worded into a statement by `question_wording`. An answer is shown as it is, or the sentence of the
source that it was made from is shown in its place, or it is refused. The collection holds all paragraphs,
the source is the right one.
"""

import argparse
import json
import random
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal, get_args

from answers import contains
from asked_sentences import collect
from localcollab.documents.answer.answer import check
from localcollab.documents.answer.events import SentPassage
from localcollab.documents.answer.excerpts import Rarity
from localcollab.documents.answer.rewording import spoken_for
from localcollab.evaluation.statistics import wilson_interval
from question_wording import worded

_NUMBER = re.compile(r"(?<![\w.,-])\d[\d,.]*\d|\b\d\b")
_NAME = re.compile(r"(?<=[\w,;] )[A-Z][\w-]+(?: [A-Z][\w-]+)*")


@dataclass(frozen=True, slots=True)
class Item:
    passage: str
    question: str
    gold: str
    other: str
    """Another number or name of the paragraph; empty if it holds none."""


How = Literal["as it is", "its source", "refused"]


@dataclass(frozen=True, slots=True)
class Shown:
    """What `strict` does with an answer."""

    how: How
    holds_gold: bool = False
    """The source that is shown."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", choices=("dev", "held-out"), default="held-out")
    parser.add_argument("--limit", type=int, help="so many questions, drawn by a fixed seed")
    arguments = parser.parse_args()
    items = list(read_items(arguments.data, is_held_out=arguments.split == "held-out"))
    random.Random(1).shuffle(items)
    items = items[: arguments.limit]
    wrong = [item for item in items if item.other]
    with tempfile.TemporaryDirectory() as folder:
        rarity = collect(arguments.data, Path(folder)).rarity
        print(json.dumps({
            "right": _figures(items, [item.gold for item in items], rarity),
            "wrong": _figures(wrong, [item.other for item in wrong], rarity),
        }, indent=1))  # fmt: skip


def _figures(items: Sequence[Item], answers: Sequence[str], rarity: Rarity) -> dict[str, object]:
    alone = [strictly(item, answer, rarity) for item, answer in zip(items, answers, strict=True)]
    said = [
        strictly(item, worded(item.question, answer), rarity)
        for item, answer in zip(items, answers, strict=True)
    ]
    return {"n": len(items), "alone": _shares(alone), "worded": _shares(said)}


def strictly(item: Item, answer: str, rarity: Rarity) -> Shown:
    """Like `answer.ask`, of an answer of one sentence."""
    text = item.passage
    passages = (SentPassage(1, "paragraph.txt", None, "", 0, len(text), text, (1,)),)
    checked = check(answer, passages, item.question)
    if checked.is_supported:
        return Shown("as it is")
    source = spoken_for(checked, passages, item.question, rarity)
    if source is None or not check(source.text, passages, item.question).is_supported:
        return Shown("refused")
    return Shown("its source", contains(source.text, [item.gold]))


def read_items(data: Path, *, is_held_out: bool) -> Iterator[Item]:
    """Split by article, as in `claim_texts`."""
    rng = random.Random(0)
    for n, article in enumerate(json.loads(data.read_text("utf-8"))["data"]):
        if sha256(f"xquad-{n}".encode()).digest()[0] % 2 != is_held_out:
            continue
        for paragraph in article["paragraphs"]:
            passage = paragraph["context"]
            for asked in paragraph["qas"]:
                question, gold = asked["question"], asked["answers"][0]["text"]
                pool = (_NUMBER if re.search(r"\d", gold) else _NAME).findall(passage)
                others = [o for o in pool if o not in gold and gold not in o and o not in question]
                yield Item(passage, question, gold, rng.choice(others) if others else "")


def _shares(shown: Sequence[Shown]) -> dict[str, object]:
    return {
        **{how: _share([each.how == how for each in shown]) for how in get_args(How)},
        "of the sources, those with the gold answer": _share(
            [each.holds_gold for each in shown if each.how == "its source"]
        ),
    }


def _share(verdicts: list[bool]) -> list[float]:
    """With its 95 % interval (Wilson)."""
    if not verdicts:
        return []
    n = sum(verdicts)
    return [round(each, 4) for each in (n / len(verdicts), *wilson_interval(n, len(verdicts)))]


if __name__ == "__main__":
    main()
