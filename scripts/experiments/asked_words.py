"""Which words of a sentence answer a question: fits the weights of `likely_words`, and measures them.

    python scripts/experiments/asked_words.py --data xquad.en.json [--test]

Paragraphs are a collection, passages are found by search. The questions that are no test of `answers.py`
fit a softmax over all runs of words of the two best sentences (each run that shares words with the gold
answer is right by the fourth power of its token F1), measured by articles in five folds. `--test`
measures the weights of `likely_words` on those of the test.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from answers import f1
from asked_sentences import collect, found_without, read_questions
from localcollab.documents.answer.excerpts import NOWHERE, SURE, ranked_sentences
from localcollab.documents.answer.likely_words import WEIGHTS, Array, Facts, Run, best_of, runs

_N_FOLDS, _RIDGE, _N_SENTENCES = 5, 1.0, 2


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of words for one question."""

    found: list[Run]
    f1: Array
    article: int
    is_between: bool
    """No sentence surely answers, and one may."""

    @property
    def facts(self) -> Array:
        """(n, facts)"""
        return np.array([run.facts for run in self.found])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--test", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        collection = collect(arguments.data, Path(folder))
        groups = list[Runs]()
        for asked in read_questions(arguments.data):
            if asked.is_test != arguments.test:
                continue
            passages = found_without(collection, asked, {})
            best = ranked_sentences(passages, asked.text, collection.rarity)[:_N_SENTENCES]
            found = list(runs(best, asked.text, collection.rarity))
            if found:
                shared = np.array([f1(run.text, asked.golds) for run in found])
                is_between = NOWHERE <= best[0].score < SURE
                groups.append(Runs(found, shared, asked.article, is_between))
    if arguments.test:
        chosen = [(each, best_of(each.found, np.array(WEIGHTS))) for each in groups]
    else:
        print(dict(zip(Facts._fields, fit(groups).round(1).tolist(), strict=True)))
        chosen = []
        for fold in range(_N_FOLDS):
            weights = fit([each for each in groups if each.article % _N_FOLDS != fold])
            inside = [each for each in groups if each.article % _N_FOLDS == fold]
            chosen += [(each, best_of(each.found, weights)) for each in inside]
    between = [(each, at) for each, at in chosen if each.is_between]
    print(json.dumps({"all": figures(chosen), "between": figures(between)}, indent=1))


def fit(groups: Sequence[Runs]) -> Array:
    """Weights of the softmax, by Newton's method on standardized facts with a ridge."""
    useful = [each for each in groups if each.f1.max() > 0]
    deviation = np.concatenate([each.facts for each in useful]).std(0) + 1e-6
    data = [(each.facts / deviation, each.f1**4 / (each.f1**4).sum()) for each in useful]
    weights = np.zeros(len(Facts._fields))
    for _ in range(30):
        gradient, curvature = _RIDGE * weights, _RIDGE * np.eye(len(weights))
        for rows, right in data:
            scores = rows @ weights
            p = np.exp(scores - scores.max())
            p /= p.sum()
            mean = p @ rows
            gradient += mean - right @ rows
            curvature += (rows * p[:, None]).T @ rows - np.outer(mean, mean)
        step = np.linalg.solve(curvature, gradient)
        weights -= step / max(1.0, float(np.abs(step).max()))
    return np.asarray(weights / deviation)


def figures(chosen: Sequence[tuple[Runs, int]]) -> dict[str, float]:
    return {
        "questions": len(chosen),
        "F1": round(float(np.mean([each.f1[at] for each, at in chosen])), 3),
        "exact": round(float(np.mean([each.f1[at] == 1 for each, at in chosen])), 3),
        "words": round(
            float(np.mean([len(each.found[at].text.split()) for each, at in chosen])), 2
        ),
    }


if __name__ == "__main__":
    main()
