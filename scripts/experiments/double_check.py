"""Does `double-check` list the words of wrong answers rather than those of right ones?

    python scripts/experiments/double_check.py MODEL.gguf --xquad xquad.en.json --out answers.jsonl
        [--n 200] [--part dev|test]

Asks questions about paragraphs (greedy, at most 48 tokens), and prints the share of words that are
listed in answers that hold a gold answer, the same for the others, and how many answers carry no line.
Paragraphs of `dev` and `test` are of different articles. Records are appended, and what is there
already is not asked again.
"""

import argparse
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.events import Token
from localcollab.llama.options import Options
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import plan_from_files
from localcollab.teams.session import Session
from localcollab_tui.formatting.provenance import double_check

CHAT = "{context}\n\n{question}"
PLAIN = "{context}\n\nQuestion: {question}\nAnswer:"


def questions(path: Path, part: str, n: int) -> Iterator[tuple[str, str, list[str]]]:
    """(paragraph, question, gold answers), evenly over the articles of one half."""
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    found = [
        (paragraph["context"], asked["question"], [gold["text"] for gold in asked["answers"]])
        for article in articles[part == "test" :: 2]
        for paragraph in article["paragraphs"]
        for asked in paragraph["qas"]
    ]
    yield from random.Random(0).sample(found, min(n, len(found)))


def answer(team: OpenTeam, context: str, question: str) -> list[Token]:
    form = CHAT if team.template else PLAIN
    ids = Session(team).prompt(form.format(context=context, question=question))
    limits = Limits(max_tokens=48, stop=() if team.template else ("\n",))
    return [event for event in generate(team.model, ids, limits=limits) if isinstance(event, Token)]


def is_right(text: str, golds: list[str]) -> bool:
    return any(_folded(gold) in _folded(text) for gold in golds)


def _folded(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def records(given: argparse.Namespace) -> list[dict[str, object]]:
    known = []
    if given.out.exists():
        known = [json.loads(line) for line in given.out.open(encoding="utf-8")]
    asked = {record["question"] for record in known}
    team = open_team(plan_from_files(given.model, []), Options(n_ctx=2048))
    for context, question, golds in questions(given.xquad, given.part, given.n):
        if question in asked:
            continue
        tokens = answer(team, context, question)
        text = "".join(token.text for token in tokens)
        record = {
            "question": question, "text": text, "right": is_right(text, golds), "golds": golds,
            "tokens": [(t.text, t.probability, t.unsure) for t in tokens],
        }  # fmt: skip
        known.append(record)
        with given.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    return known


def listed(record: dict[str, object]) -> float:
    """The share of an answer's words that `double-check` lists."""
    tokens = [
        Token(id=0, text=text, author="base", probability=p, p_defer=None, unsure=unsure)
        for text, p, unsure in record["tokens"]  # type: ignore[attr-defined]
    ]
    n_words = len(str(record["text"]).split())
    return sum(len(place.words.split()) for place in double_check(tokens, ())) / max(1, n_words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--xquad", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--part", choices=("dev", "test"), default="dev")
    given = parser.parse_args()
    found = records(given)
    for right in (True, False):
        shares = [listed(record) for record in found if record["right"] is right]
        mean = sum(shares) / max(1, len(shares))
        silent = sum(not share for share in shares)
        name = "right" if right else "wrong"
        print(f"{name}: {len(shares)} answers, {mean:.3f} of the words listed, {silent} silent")


if __name__ == "__main__":
    main()
