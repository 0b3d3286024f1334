"""Answers of a small model from passages: forms of the prompt beside the best sentence itself.

    python scripts/experiments/answers.py --model FILE --data xquad.en.json [--forms 'A;B'] [--test]

The data: SQuAD's JSON. All paragraphs are a collection, passages are found by search. 300 questions
drawn by a fixed seed are the test, which `--test` asks; without it others are asked (development).
Measured are token F1 and whether the answer contains a gold answer (both as in SQuAD), the mean number of
words, and exact answers. The form `shipped` is what `run --docs` answers; of it also how many answers are
shown as supported and as answering the question, and how many of these hold a gold answer.
"""

import argparse
import json
import random
import re
import string
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.documents.answer.answer import Library, find_sources
from localcollab.documents.answer.answer import ask as ask_library
from localcollab.documents.answer.events import Checked, SentPassage
from localcollab.documents.answer.excerpts import best_sentences
from localcollab.documents.answer.prompts import SHORT_LIMITS, numbered, short
from localcollab.documents.collection import Collection
from localcollab.events import Finished
from localcollab.llama.options import Options
from localcollab.teams.choice import TeamChoice
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.session import Session

N_TEST, SEED = 300, 17
SHIPPED = "shipped"
MAX_TOKENS = 96
EXAMPLES = (
    ("The last ferry leaves Norwick at 9 pm. Tickets cost 4 pounds.",
     "When does the last ferry leave Norwick?", "9 pm"),
    ("The mill was built in 1790 by Anna Brask, a baker. It burned down in 1834.",
     "Who built the mill?", "Anna Brask"),
    ("Tapirs eat leaves and fallen fruit. They sleep in water on hot days.",
     "What do tapirs eat?", "leaves and fallen fruit"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    golds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    n: int
    f1: float
    contains: float
    exact: float
    words: float
    seconds: float


def load(file: Path) -> tuple[list[str], list[Question]]:
    articles = json.loads(file.read_text(encoding="utf-8"))["data"]
    found = [paragraph for article in articles for paragraph in article["paragraphs"]]
    questions = [
        Question(q["question"], tuple(a["text"] for a in q["answers"]))
        for p in found
        for q in p["qas"]
    ]
    return [paragraph["context"] for paragraph in found], questions


def divided(questions: Sequence[Question]) -> tuple[list[Question], list[Question]]:
    """(test, development)"""
    mixed = list(questions)
    random.Random(SEED).shuffle(mixed)
    return mixed[:N_TEST], mixed[N_TEST:]


def normal(text: str) -> list[str]:
    """SQuAD's: without case, punctuation and articles."""
    bare = "".join(c for c in text.lower() if c not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", bare).split()


def f1(answer: str, golds: Sequence[str]) -> float:
    return max(_f1(normal(answer), normal(gold)) for gold in golds)


def _f1(said: list[str], gold: list[str]) -> float:
    same = (Counter(said) & Counter(gold)).total()
    return 2 * same / (len(said) + len(gold)) if same else 0.0


def contains(answer: str, golds: Sequence[str]) -> bool:
    said = f" {' '.join(normal(answer))} "
    return any(f" {' '.join(normal(gold))} " in said for gold in golds)


Answer = Callable[[str], str]


def figures(questions: Sequence[Question], answer: Answer) -> Figures:
    began, found = time.process_time(), [(q, answer(q.text)) for q in questions]
    n = len(found)
    return Figures(
        n, sum(f1(a, q.golds) for q, a in found) / n,
        sum(contains(a, q.golds) for q, a in found) / n,
        sum(any(normal(a) == normal(g) for g in q.golds) for q, a in found) / n,
        sum(len(a.split()) for _, a in found) / n, (time.process_time() - began) / n,
    )  # fmt: skip


Prompt = Callable[[Sequence[SentPassage], str], str]


def forms(collection: Collection) -> dict[str, Prompt]:
    def excerpt(n: int, shots: int) -> Prompt:
        def prompt(passages: Sequence[SentPassage], question: str) -> str:
            chosen = best_sentences(passages, question, n, collection.rarity)
            return short([sentence.text for sentence in chosen], question, EXAMPLES[:shots])

        return prompt

    def whole(shots: int) -> Prompt:
        return lambda passages, question: short([passages[0].text], question, EXAMPLES[:shots])

    product: Prompt = lambda passages, question: numbered(passages[::-1], question)  # noqa: E731
    return {
        "product": product,
        **{
            f"{n} sentences, {shots} examples": excerpt(n, shots)
            for n in (1, 2, 3)
            for shots in (0, 3)
        },
        **{f"best passage, {shots} examples": whole(shots) for shots in (0, 3)},
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--model", required=True)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--forms", help="names, separated by semicolons; default: all")
    options.add_argument("--limit", type=int, default=60)
    options.add_argument("--test", action="store_true")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    paragraphs, questions = load(chosen.data)
    test, development = divided(questions)
    asked = (test if chosen.test else development)[: chosen.limit]
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(paragraphs):
            (Path(folder) / f"{number:05}.txt").write_text(text, encoding="utf-8")
        collection = Collection(None)
        collection.add([Path(folder)])
    print(
        "| form | F1 | contains gold | exact | words |\n| --- | --- | --- | --- | --- |", flush=True
    )
    shown = baselines(collection, asked)
    team = open_team(TeamChoice(team=chosen.model).plan(), Options(n_ctx=4096))
    library = Library(collection, "xquad", "prompt")
    found = {q.text: find_sources(Session(team), library, q.text).passages for q in asked}
    wanted = chosen.forms.split(";") if chosen.forms else None
    if wanted is None or SHIPPED in wanted:
        asking = Asking(team, Library(collection, "xquad"))
        shown[SHIPPED] = figures(asked, asking)
        show(SHIPPED, shown[SHIPPED])
        sure = [contains(asking.sure[q.text], q.golds) for q in asked if q.text in asking.sure]
        print(
            f"supported and answering: {len(sure)} of {len(asked)}; with the gold answer: {sum(sure)}"
        )
    for name, prompt in forms(collection).items():
        if wanted is None or name in wanted:
            shown[name] = figures(asked, answering(team, prompt, found))
            show(name, shown[name])
    if chosen.json:
        json.dump({name: asdict(each) for name, each in shown.items()}, sys.stdout, indent=1)
        print()


class Asking:
    """Answers as the product does, and remembers those that it shows as sure."""

    def __init__(self, team: OpenTeam, library: Library) -> None:
        self._team, self._library = team, library
        self.sure: dict[str, str] = {}

    def __call__(self, question: str) -> str:
        for event in ask_library(
            Session(self._team), self._library, question, Sampling(temperature=0.0)
        ):
            if isinstance(event, Checked):
                stated = [claim for claim in event.claims if claim.support is not None]
                is_sure = all(c.support == "supported" and c.answers for c in stated)
            elif isinstance(event, Finished):
                if stated and is_sure:
                    self.sure[question] = event.text
                return event.text.strip()
        raise AssertionError("no end")


def answering(team: OpenTeam, prompt: Prompt, found: Mapping[str, Sequence[SentPassage]]) -> Answer:
    return lambda question: ask(team, prompt(found[question], question))


def ask(team: OpenTeam, prompt: str) -> str:
    limits = SHORT_LIMITS if prompt.endswith("Answer:") else Limits(MAX_TOKENS)
    for event in Session(team).ask(prompt, Sampling(temperature=0.0), limits):
        if isinstance(event, Finished):
            return event.text.strip()
    raise AssertionError("no end")


def baselines(collection: Collection, asked: Sequence[Question]) -> dict[str, Figures]:
    shown = {}
    for n in (1, 2):

        def sentence(text: str, n: int = n) -> str:
            from localcollab.documents.answer.sources import choose_sources

            passages, _ = choose_sources(collection.search(text, 6), 10**6, len)
            return " ".join(s.text for s in best_sentences(passages, text, n, collection.rarity))

        shown[f"no model: {n} best"] = figures(asked, sentence)
        show(f"no model: {n} best", shown[f"no model: {n} best"])
    return shown


def show(name: str, each: Figures) -> None:
    print(
        f"| {name} | {each.f1:.3f} | {each.contains:.3f} | {each.exact:.3f} | {each.words:.1f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
