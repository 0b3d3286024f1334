"""The shipped formulary as files: the held-out questions by retrieval, by the expert, and by both.

    python scripts/experiments/docs_formulary.py [--limit 200] [--out RESULT.json]

Writes the monographs as txt, md, html, pdf and docx, a file a medicine, adds them to a collection of
their own, and asks the shipped team: (a) with the passages but without the expert, (b) with the
expert but without passages, (c) with both. Prints JSON. A citation is right when it names the file
of the medicine that was asked about.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median, quantiles

from localcollab.catalog import load_catalog
from localcollab.decoding.answer_text import Limits
from localcollab.documents.answer import answer as answering
from localcollab.documents.answer.answer import Library
from localcollab.documents.answer.citations import Claim
from localcollab.documents.answer.events import AnswerEvent, Checked, Sources
from localcollab.documents.collection import Collection
from localcollab.errors import BadData
from localcollab.evaluation.questions import is_right
from localcollab.evaluation.statistics import wilson_interval
from localcollab.events import Finished, Token
from localcollab.language_model import LanguageModel, Reading, Wrapper
from localcollab.methods.deferral import DeferralTeam
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import plan_from_catalog
from localcollab.teams.session import Session
from monograph_files import FORMATS, write_document

SHIPPED = Path(__file__).parents[2] / "localcollab/shipped/formulary"
EXPERT = "formulary"
_LIMITS = Limits(96)


@dataclass(frozen=True, slots=True)
class Item:
    question: str
    gold: str
    medicine: str


@dataclass(frozen=True, slots=True)
class Answered:
    item: Item
    text: str
    seconds_to_first: float
    sources: Sources | None = None
    checked: Checked | None = None

    @property
    def right(self) -> bool:
        return is_right(self.text, self.item.gold)


class StandIn(Wrapper):
    """The base under an expert's name: what is left of a team without that expert."""

    def __init__(self, base: LanguageModel, name: str) -> None:
        super().__init__(base)
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    def attribute(self, reading: Reading, token: int) -> str:
        return self.name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=int, help="only so many questions, drawn by --seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    result = json.dumps(measure(arguments.limit, arguments.seed), indent=1)
    if arguments.out:
        arguments.out.write_text(result + "\n", encoding="utf-8")
    print(result)


def measure(limit: int | None, seed: int) -> dict[str, object]:
    items = read_items(SHIPPED / "test.jsonl")
    unknown = read_items(SHIPPED / "unknown.jsonl")
    if limit is not None:
        items = random.Random(seed).sample(items, min(limit, len(items)))
        unknown = random.Random(seed).sample(unknown, min(limit // 4 + 1, len(unknown)))
    catalog = load_catalog()
    team = open_team(plan_from_catalog(catalog, catalog.team(EXPERT)))
    with tempfile.TemporaryDirectory() as folder:
        files, seconds = Path(folder) / "files", time.perf_counter()
        n_files = write_monographs(files, seed)
        with Collection(Path(folder) / "formulary.sqlite3") as collection:
            tally = collection.add([files])
            seconds = time.perf_counter() - seconds
            library = Library(collection, EXPERT, "quotes")
            a = [answer(without_expert(team), library, i, "retrieval") for i in items]
            b = [answer(team, None, i, "expert") for i in items]
            c = [answer(team, library, i, "both") for i in items]
            strange = [answer(team, library, i, "unknown names") for i in unknown]
    return {
        "n_questions": len(items),
        "seed": seed,
        "files": {"n": n_files, "formats": FORMATS, "added": tally.added,
                  "not_indexed": tally.not_indexed, "seconds": seconds},
        "retrieval only": figures(a),
        "expert only": figures(b),
        "both": figures(c),
        "unknown names": {
            "n": len(strange),
            "supported": share([bool(s.checked and s.checked.is_supported) for s in strange]),
        },
    }  # fmt: skip


def read_items(path: Path) -> list[Item]:
    records = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [
        Item(r["messages"][0]["content"], r.get("gold", ""), r.get("medicine", "")) for r in records
    ]


def write_monographs(folder: Path, seed: int) -> int:
    """A file a medicine, its format by chance. Raises `BadData`."""
    folder.mkdir()
    draw, n = random.Random(seed), 0
    for part in (SHIPPED / "monographs.txt").read_text(encoding="utf-8").split("# "):
        name, _, body = part.partition("\n")
        if name.strip():
            write_document(folder, name.strip(), body.strip(), draw.choice(FORMATS))
            n += 1
    if not n:
        raise BadData(
            f"{SHIPPED / 'monographs.txt'}: holds no monograph: make it with scripts/demo"
        )
    return n


def without_expert(team: OpenTeam) -> OpenTeam:
    model = team.model
    assert isinstance(model, DeferralTeam)
    experts = [StandIn(team.base, e.name) if e.name == EXPERT else e for e in model.experts]
    left = DeferralTeam(model.name, model.base, experts, model.gate, threshold=model.threshold)
    return replace(team, model=left)


def answer(team: OpenTeam, library: Library | None, item: Item, what: str) -> Answered:
    """In a conversation of its own. The first token's time holds the search."""
    print(f"\r\x1b[K{what}: {item.question}", end="", file=sys.stderr, flush=True)
    started, first = time.perf_counter(), 0.0
    session = Session(team)
    events = (
        session.ask(item.question, limits=_LIMITS)
        if library is None
        else answering.ask(session, library, item.question, limits=_LIMITS)
    )
    seen: dict[type[AnswerEvent], AnswerEvent] = {}
    for event in events:
        if isinstance(event, Token) and not first:
            first = time.perf_counter() - started
        seen[type(event)] = event
    finished, sources, checked = seen[Finished], seen.get(Sources), seen.get(Checked)
    assert isinstance(finished, Finished)
    assert sources is None or isinstance(sources, Sources)
    assert checked is None or isinstance(checked, Checked)
    return Answered(item, finished.text, first, sources, checked)


def figures(answers: Sequence[Answered]) -> dict[str, object]:
    n_right = sum(a.right for a in answers)
    times = [a.seconds_to_first for a in answers]
    found = {
        "accuracy": n_right / len(answers),
        "interval": wilson_interval(n_right, len(answers)),
        "ms_to_first_token": {
            "median": 1000 * median(times),
            "p95": 1000 * quantiles(times, n=20, method="inclusive")[-1],
        },
    }
    return found | (citation_figures(answers) if answers[0].checked else {})


def citation_figures(answers: Sequence[Answered]) -> dict[str, object]:
    """Precision: of the citations given, those of the right file. Recall: of the sentences of right
    answers that state something, those with such a citation."""
    cited = [is_of(a, claim) for a in answers for claim in stated(a) if claim.citations]
    wanted = [is_of(a, claim) for a in answers if a.right for claim in stated(a)]
    wrong = [a for a in answers if not a.right]
    return {
        "passage_sent": share([a.item.medicine in _files(a) for a in answers]),
        "citation_precision": share(cited),
        "citation_recall": share(wanted),
        "right_and_supported": share([_is_supported(a) for a in answers if a.right]),
        "wrong_but_supported": f"{sum(map(_is_supported, wrong))} of {len(wrong)}",
    }


def stated(answered: Answered) -> list[Claim]:
    assert answered.checked is not None
    return [claim for claim in answered.checked.claims if claim.support is not None]


def is_of(answered: Answered, claim: Claim) -> bool:
    """A supported or weak citation names the file of the medicine that was asked about."""
    files = _files(answered)
    numbers = [c.number for c in claim.citations if c.support != "not found"]
    return any(files[number - 1] == answered.item.medicine for number in numbers)


def _files(answered: Answered) -> list[str]:
    assert answered.sources is not None
    return [Path(passage.path).stem for passage in answered.sources.passages]


def _is_supported(answered: Answered) -> bool:
    return answered.checked is not None and answered.checked.is_supported


def share(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else 0.0


if __name__ == "__main__":
    main()
