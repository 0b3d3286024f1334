"""Which sentence a question asks about: fits the weights of `excerpts`, and measures them.

    python scripts/experiments/asked_sentences.py --data xquad.en.json [--test]

Paragraphs are a collection, passages are found by search. The questions that are no test of `answers.py`
fit a logistic regression, measured by articles in five folds. `--test` measures the weights of `excerpts`
on those of the test. Beside them: the same questions without the article that holds the answer, and
without its paragraph alone.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from answers import contains, divided, load
from localcollab.documents.answer.events import SentPassage
from localcollab.documents.answer.excerpts import BIAS, NOWHERE, SURE, WEIGHTS, Facts, facts_of
from localcollab.documents.answer.few_words import LONGEST
from localcollab.documents.answer.sources import choose_sources
from localcollab.documents.collection import Collection
from localcollab_convert.head.right_spans import logistic

Array = npt.NDArray[np.float64]
_N_FOLDS, _RIDGE = 5, 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    text: str
    golds: tuple[str, ...]
    paragraph: int
    article: int
    is_test: bool


@dataclass(frozen=True, slots=True)
class Scored:
    """The sentences of one search, as an array of facts."""

    facts: Array
    holds: npt.NDArray[np.bool_]
    """Whether each contains the gold answer."""
    is_gold: npt.NDArray[np.bool_]
    """It does, and is of the right paragraph."""
    n_words: npt.NDArray[np.int_]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--test", action="store_true")
    parser.add_argument("--picture", type=Path, help="precision by coverage, as SVG")
    arguments = parser.parse_args()
    asked = read_questions(arguments.data)
    with tempfile.TemporaryDirectory() as folder:
        collection = collect(arguments.data, Path(folder))
        chosen = [each for each in asked if each.is_test == arguments.test]
        alone = {each.paragraph: {each.paragraph} for each in asked}
        sets = [
            [search(collection, each, left_out) for each in chosen]
            for left_out in ({}, _paragraphs_by_article(asked), alone)
        ]
    if arguments.test:
        weights = np.array([*WEIGHTS, BIAS])
        tops = [[_top(each, weights) for each in group] for group in sets]
    else:
        whole = fit(sets[0])
        print(dict(zip([*Facts._fields, "bias"], whole.round(2).tolist(), strict=True)))
        tops = [list[Top]() for _ in sets]
        for fold in range(_N_FOLDS):
            inside = [q.article % _N_FOLDS == fold for q in chosen]
            weights = fit([s for s, held in zip(sets[0], inside, strict=True) if not held])
            for top, group in zip(tops, sets, strict=True):
                top += [_top(s, weights) for s, held in zip(group, inside, strict=True) if held]
    print(json.dumps(figures(*tops), indent=1))
    if arguments.picture:
        arguments.picture.write_text(drawn(tops[0]), encoding="utf-8")


def read_questions(file: Path) -> list[Asked]:
    _, questions = load(file)
    tests = {question.text for question in divided(questions)[0]}
    found, paragraph = list[Asked](), 0
    for number, article in enumerate(json.loads(file.read_text("utf-8"))["data"]):
        for each in article["paragraphs"]:
            found += [
                Asked(q["question"], tuple(a["text"] for a in q["answers"]), paragraph, number,
                      q["question"] in tests)
                for q in each["qas"]
            ]  # fmt: skip
            paragraph += 1
    return found


def collect(file: Path, folder: Path) -> Collection:
    """Every paragraph a file, named by its number."""
    for number, text in enumerate(load(file)[0]):
        (folder / f"{number:05}.txt").write_text(text, encoding="utf-8")
    collection = Collection(None)
    collection.add([folder])
    return collection


def _paragraphs_by_article(asked: Sequence[Asked]) -> dict[int, set[int]]:
    """Of each paragraph all those of its article."""
    by_article: dict[int, set[int]] = {}
    for each in asked:
        by_article.setdefault(each.article, set()).add(each.paragraph)
    return {each.paragraph: by_article[each.article] for each in asked}


def found_without(
    collection: Collection, question: Asked, left_out: dict[int, set[int]]
) -> tuple[SentPassage, ...]:
    """The six best passages that are of no paragraph left out for this question."""
    gone = left_out.get(question.paragraph, set())
    hits = [
        hit
        for hit in collection.search(question.text, 60 if gone else 6)
        if int(hit.passage.document.path.stem) not in gone
    ]
    return choose_sources(hits[:6], 10**6, len)[0]


def search(collection: Collection, question: Asked, left_out: dict[int, set[int]]) -> Scored:
    passages = found_without(collection, question, left_out)
    rows = facts_of(passages, question.text, collection.rarity)
    paragraphs = {p.number: int(Path(p.path).stem) for p in passages}
    holds = [contains(place[3], question.golds) for place, _ in rows]
    gold = [
        has and paragraphs[place[0]] == question.paragraph
        for has, (place, _) in zip(holds, rows, strict=True)
    ]
    n_words = [len(place[3].split()) for place, _ in rows]
    facts = np.array([f for _, f in rows], float)
    return Scored(facts, np.array(holds), np.array(gold), np.array(n_words))


def fit(data: Sequence[Scored]) -> Array:
    """Weights and bias of a logistic regression with a ridge on standardized facts."""
    facts = np.concatenate([each.facts for each in data])
    is_gold = np.concatenate([each.is_gold for each in data])
    mean, deviation = facts.mean(0), facts.std(0) + 1e-6
    weights, bias = logistic((facts - mean) / deviation, is_gold, _RIDGE)
    scaled = weights / deviation
    return np.append(scaled, bias - scaled @ mean)


class Top(NamedTuple):
    """The best sentence for a question."""

    score: float
    holds: bool
    """The gold answer."""
    n_words: int

    @property
    def is_sure(self) -> bool:
        """Whether it is shown as the answer."""
        return self.score >= SURE and self.n_words <= LONGEST


def _top(scored: Scored, weights: Array) -> Top:
    if not len(scored.facts):
        return Top(-np.inf, False, 0)
    scores = scored.facts @ weights[:-1] + weights[-1]
    best = int(scores.argmax())
    return Top(float(scores[best]), bool(scored.holds[best]), int(scored.n_words[best]))


Tops = Sequence[Top]


def figures(answerable: Tops, no_article: Tops, no_paragraph: Tops) -> dict[str, object]:
    scores = np.array([top.score for top in answerable])
    right = np.array([top.holds for top in answerable])
    sure = [top for top in answerable if top.is_sure]
    ranked = right[np.argsort(-scores)]
    return {
        "questions": len(scores),
        "best sentence holds the answer": round(float(right.mean()), 3),
        "precision at coverage": {
            str(c): round(float(ranked[: int(c * len(ranked))].mean()), 3)
            for c in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
        },
        "sure": {
            "n": len(sure),
            "coverage": round(len(sure) / len(answerable), 3),
            "with the gold answer": sum(top.holds for top in sure),
            "precision": round(sum(top.holds for top in sure) / len(sure), 3),
            "words": round(sum(top.n_words for top in sure) / len(sure), 1),
            "without the article": sum(top.is_sure for top in no_article),
            "without the paragraph": sum(top.is_sure for top in no_paragraph),
        },
        "not said": {
            "answerable": round(float((scores < NOWHERE).mean()), 3),
            "without the article": round(1 - _share(no_article, NOWHERE), 3),
            "without the paragraph": round(1 - _share(no_paragraph, NOWHERE), 3),
        },
    }


def drawn(answerable: Tops) -> str:
    """Precision over coverage, the surest sentences first; the mark is `SURE`."""
    ranked = sorted(answerable, reverse=True)
    right = np.cumsum([top.holds for top in ranked]) / np.arange(1, len(ranked) + 1)
    shares = np.arange(1, len(ranked) + 1) / len(ranked)
    line = " ".join(f"{_x(c)},{_y(p)}" for c, p in zip(shares, right, strict=True) if c >= 0.05)
    sure = sum(top.score >= SURE for top in ranked)
    mark = _x(sure / len(ranked)), _y(float(right[sure - 1]))
    ticks = "".join(
        f'<text x="{_x(at)}" y="{_y(0.7) + 18}" text-anchor="middle">{at:.1f}</text>'
        f'<text x="{_x(0) - 8}" y="{_y(up) + 4}" text-anchor="end">{up:.2f}</text>'
        f'<path d="M{_x(0)} {_y(up)}H{_x(1)}" stroke="#ddd"/>'
        for at, up in ((n / 5, 0.7 + 0.06 * n) for n in range(6))
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 300" width="480" height="300" '
        'font-family="sans-serif" font-size="12">\n<rect width="480" height="300" fill="white"/>\n'
        f'{ticks}\n<polyline points="{line}" fill="none" stroke="#1f5fa8" stroke-width="2"/>\n'
        f'<circle cx="{mark[0]}" cy="{mark[1]}" r="5" fill="#c0392b"/>\n'
        f'<text x="{_x(0.5)}" y="294" text-anchor="middle">share of the questions answered</text>\n'
        f'<text x="{_x(0)}" y="14">share of them whose sentence holds the answer</text>\n</svg>\n'
    )


def _x(share: float) -> float:
    return round(60 + 400 * share, 1)


def _y(share: float) -> float:
    """From 0.7 to 1."""
    return round(255 - 225 * (share - 0.7) / 0.3, 1)


def _share(tops: Tops, least: float) -> float:
    return round(sum(top.score >= least for top in tops) / len(tops), 3)


if __name__ == "__main__":
    main()
