"""How often the right paragraph is found first: our search beside a plain BM25 library.

    python scripts/experiments/retrieval.py --data xquad.en.json ... [--encoder FILE] [--json]

The data: SQuAD's JSON (XQuAD is). Every paragraph becomes a document; every question is asked once,
the paragraph it belongs to is the one right answer. The library (rank_bm25's BM25Okapi, its defaults)
gets the very terms of words that the index holds, of paragraphs and of questions. With an encoder (a
GGUF file, see `localcollab docs embed`), words and vectors are searched together too.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mode

import numpy as np
from rank_bm25 import BM25Okapi

from localcollab.documents.collection import Collection
from localcollab.documents.database import DEFAULT_LANGUAGE
from localcollab.terms.languages import language_of
from localcollab.terms.terms import terms

DEEPEST = 100
"""Ranks beyond this count as not found, for all alike."""


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    paragraph: int


@dataclass(frozen=True, slots=True)
class Score:
    recall_at_1: float
    recall_at_5: float
    mrr: float


def load(file: Path) -> tuple[list[str], list[Question]]:
    articles = json.loads(file.read_text(encoding="utf-8"))["data"]
    found = [paragraph for article in articles for paragraph in article["paragraphs"]]
    questions = [Question(q["question"], n) for n, p in enumerate(found) for q in p["qas"]]
    return [paragraph["context"] for paragraph in found], questions


def score(ranks: Sequence[int | None]) -> Score:
    """`ranks`: of the right paragraph, from 1; None: not found."""
    n = len(ranks)
    return Score(
        sum(rank == 1 for rank in ranks) / n,
        sum(rank is not None and rank <= 5 for rank in ranks) / n,
        sum(1 / rank for rank in ranks if rank) / n,
    )


def our_search(
    paragraphs: Sequence[str], folder: Path, encoder: Path | None = None
) -> Callable[[str], list[int]]:
    """Paragraphs by number, best first: each by its best passage."""
    for number, text in enumerate(paragraphs):
        (folder / f"{number:05}.txt").write_text(text, encoding="utf-8")
    collection = Collection(None)
    collection.add([folder])
    if encoder is not None:
        collection.embed(encoder)

    def search(question: str) -> list[int]:
        hits = collection.search(question, DEEPEST)
        return list(dict.fromkeys(int(hit.passage.document.path.stem) for hit in hits))

    return search


def library_search(paragraphs: Sequence[str], questions: Sequence[str]) -> list[list[int]]:
    languages = [language_of(text, DEFAULT_LANGUAGE) for text in paragraphs]
    library = BM25Okapi(tokens(paragraphs, languages))
    ranked = []
    for words in tokens(questions, [mode(languages)] * len(questions)):
        scores = np.asarray(library.get_scores(words))
        best = np.argsort(-scores, kind="stable")[:DEEPEST]
        ranked.append([int(n) for n in best if scores[n] > 0])
    return ranked


def tokens(texts: Sequence[str], languages: Sequence[str]) -> list[list[str]]:
    """As the index cuts, folds and stems them, in their order."""
    return [terms(text, each).main.split() for text, each in zip(texts, languages, strict=True)]


def rank_of(right: int, ranked: Sequence[int]) -> int | None:
    return ranked.index(right) + 1 if right in ranked else None


def measure(file: Path, encoder: Path | None = None) -> dict[str, Score]:
    paragraphs, questions = load(file)
    found = {"localcollab": our_score(paragraphs, questions)}
    if encoder is not None:
        found["with vectors"] = our_score(paragraphs, questions, encoder)
    ranked = library_search(paragraphs, [q.text for q in questions])
    library = [rank_of(q.paragraph, r) for q, r in zip(questions, ranked, strict=True)]
    return found | {"rank_bm25": score(library)}


def our_score(
    paragraphs: Sequence[str], questions: Sequence[Question], encoder: Path | None = None
) -> Score:
    with tempfile.TemporaryDirectory() as folder:
        search = our_search(paragraphs, Path(folder), encoder)
        return score([rank_of(q.paragraph, search(q.text)) for q in questions])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, nargs="+", required=True)
    options.add_argument("--encoder", type=Path, help="a GGUF file: search by its vectors too")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    scores = {file.stem: measure(file, chosen.encoder) for file in chosen.data}
    if chosen.json:
        shown = {data: {k: asdict(v) for k, v in each.items()} for data, each in scores.items()}
        json.dump(shown, sys.stdout, indent=1)
        print()
        return
    print("| data | search | recall@1 | recall@5 | MRR |\n| --- | --- | --- | --- | --- |")
    for data, found in scores.items():
        for name, each in found.items():
            figures = f"{each.recall_at_1:.3f} | {each.recall_at_5:.3f} | {each.mrr:.3f}"
            print(f"| {data} | {name} | {figures} |")


if __name__ == "__main__":
    main()
