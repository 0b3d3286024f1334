"""How often a right answer in the words of its question is refused, and a wrong one of the same
kind is not.

    python scripts/experiments/gold_answers.py --data xquad.en.json [--split held-out]

Every question of XQuAD is answered by its gold answer alone, and by another number or name of the
same paragraph. A bare
answer counts as the question's sentence with the answer in the place of "who" or "when".
"""

import argparse
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from localcollab.documents.answer.citations import Citable, check_answer, is_supported
from localcollab.evaluation.statistics import wilson_interval

_NUMBER = re.compile(r"(?<![\w.,-])\d[\d,.]*\d|\b\d\b")
_NAME = re.compile(r"(?<=[\w,;] )[A-Z][\w-]+(?: [A-Z][\w-]+)*")


@dataclass(frozen=True, slots=True)
class Item:
    passage: str
    question: str
    gold: str
    other: str
    """Another number or name of the paragraph; empty if it holds none."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", choices=("dev", "held-out"), default="held-out")
    arguments = parser.parse_args()
    items = list(read_items(arguments.data, is_held_out=arguments.split == "held-out"))
    print(json.dumps({
        "right, refused": _share([not _holds(item, item.gold) for item in items]),
        "wrong, supported": _share([_holds(item, item.other) for item in items if item.other]),
    }, indent=1))  # fmt: skip


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


def _holds(item: Item, answer: str) -> bool:
    return is_supported(check_answer(answer, [Citable(item.passage)], item.question))


def _share(verdicts: list[bool]) -> dict[str, object]:
    n = sum(verdicts)
    low, high = wilson_interval(n, len(verdicts))
    return {
        "n": len(verdicts),
        "share": round(n / len(verdicts), 4),
        "interval": [round(low, 4), round(high, 4)],
    }


if __name__ == "__main__":
    main()
