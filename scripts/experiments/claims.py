"""How often the check calls a wrong claim supported, and a right one not: by kind of edit, with
intervals.

    python scripts/experiments/claims.py --data FOLDER [--split held-out] [--pairs 600]
        [--policy clauses] [--show 0]
        [--out RESULT.json]

FOLDER holds xquad.en.json, xquad.de.json, xquad.es.json and peps/ (see docs/documents.md). Real
sentences are edited by the functions of `claim_edits`
(wrong) and `claim_paraphrases` (harmless); where they do not give enough pairs, templates of
private documents do.
Documents and templates are split in two by a hash of their names; settings are chosen on `dev`
alone.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import get_args

import claim_edits
import claim_paraphrases
from claim_texts import MONTHS, Text, fill, other_language_texts, padded, real_texts, slots
from localcollab.documents.answer.citations import Citable, check_answer, is_supported
from localcollab.documents.checking.detection import language_of
from localcollab.documents.checking.following import Policy
from localcollab.documents.checking.source import read_source, supporting
from localcollab.documents.checking.statements import statement
from localcollab.evaluation.statistics import wilson_interval

_WORDS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]
_TEMPLATES = Path(__file__).with_name("claim_templates.json")


@dataclass(frozen=True, slots=True)
class Pair:
    edit: str
    is_right: bool
    source: str
    claim: str
    question: str = ""
    is_real: bool = False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--split", choices=("dev", "held-out"), default="held-out")
    parser.add_argument("--pairs", type=int, default=600, help="of each edit")
    parser.add_argument("--real", type=float, default=0.7, help="largest share of real sentences")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=0, help="so many errors of each edit")
    parser.add_argument("--only", help="one edit")
    parser.add_argument(
        "--policy", choices=get_args(Policy), default="clauses", help="what may be left out"
    )
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    pairs = make_pairs(
        arguments.data,
        arguments.split,
        arguments.pairs,
        arguments.real,
        arguments.seed,
        arguments.only,
    )
    result = json.dumps(measure(pairs, arguments.show, arguments.policy), indent=1)
    if arguments.out:
        arguments.out.write_text(result + "\n", encoding="utf-8")
    print(result)


def make_pairs(
    data: Path | None,
    split: str,
    n_pairs: int,
    share_real: float = 0.7,
    seed: int = 0,
    only: str | None = None,
) -> list[Pair]:
    """`n_pairs` of each edit: real ones up to their share, the rest from templates."""
    rng = random.Random(f"{seed}-{split}")
    held_out = split == "held-out"
    texts = [text for text in real_texts(data) if text.is_held_out == held_out] if data else []
    others = {
        code: [t for t in other_language_texts(data, code) if t.is_held_out == held_out]
        for code in (("de", "es") if data else ())
        if data
    }
    pairs: list[Pair] = []
    templates = json.loads(_TEMPLATES.read_text("utf-8"))
    for is_right, edits, invented in (
        (False, claim_edits.WRONG, templates["wrong"]),
        (True, claim_paraphrases.HARMLESS, templates["harmless"]),
    ):
        for name in dict.fromkeys([*edits, *invented]):
            if only in (None, name):
                real = _real(name, is_right, edits, texts, rng, int(n_pairs * share_real))
                known = invented.get(name, ())
                pairs += real
                pairs += _invented(name, is_right, known, split, rng, n_pairs - len(real))
    pairs += _dropped_abroad(others, rng, n_pairs) if only in (None, "drop_negation_de_es") else []
    return pairs


def _real(
    name: str,
    is_right: bool,
    edits: Mapping[str, claim_edits.Edit],
    texts: Sequence[Text],
    rng: random.Random,
    n: int,
) -> list[Pair]:
    if name not in edits:
        return []
    by_passage: dict[str, list[Text]] = {}
    for text in texts:
        by_passage.setdefault(text.passage, []).append(text)
    made: list[Pair] = []
    for text in rng.sample(texts, len(texts)):
        claim = edits[name](text, rng, by_passage[text.passage])
        if claim and (is_right or not _stands_in(claim, text.passage)):
            source = text.passage if rng.random() < 0.5 else text.sentence
            made.append(Pair(name, is_right, source, claim, is_real=True))
        if len(made) == n:
            break
    return made


def _stands_in(claim: str, passage: str) -> bool:
    """Quotation marks aside."""
    marks = dict.fromkeys(map(ord, "\"“”'‘’"))
    return claim.translate(marks) in passage.translate(marks)


def _invented(
    name: str,
    is_right: bool,
    templates: Sequence[tuple[str, ...]],
    split: str,
    rng: random.Random,
    n: int,
) -> Iterator[Pair]:
    """From the templates of this split, in turn; a template is a document."""
    # Alternating: a hash of few templates might leave a split empty.
    mine = [
        t for at, t in enumerate(sorted(templates, key=_digest)) if at % 2 == (split == "held-out")
    ]
    for at in range(n if mine else 0):
        template, values = mine[at % len(mine)], _with_forms(slots(rng))
        source, claim, question = (fill(part, values) for part in (*template, "")[:3])
        is_plain = "\n" not in source and ": " not in source
        yield Pair(
            name, is_right, padded(source, rng, values) if is_plain else source, claim, question
        )


def _digest(template: Sequence[str]) -> str:
    return sha256(template[0].encode()).hexdigest()


def _with_forms(values: dict[str, str]) -> dict[str, str]:
    """The slots in the forms that harmless edits write them in."""
    day, month, year = values["day"].split()
    number = MONTHS.index(month) + 1
    return values | {
        "B0_plain": values["B0"].replace(",", ""), "B0_point": values["B0"].replace(",", "."),
        "k0_word": _WORDS[int(values["k0"])], "day_iso": f"{year}-{number:02}-{int(day):02}",
        "day_us": f"{month} {day}, {year}", "day_dots": f"{int(day)}.{number}.{year}",
    }  # fmt: skip


_NEGATIONS = {"de": (" nicht ", " nie ", " kein ", " keine "), "es": (" no ", " nunca ", " sin ")}


def _dropped_abroad(
    texts: Mapping[str, Sequence[Text]], rng: random.Random, n: int
) -> Iterator[Pair]:
    for code, negations in _NEGATIONS.items():
        found = [(t, w) for t in texts.get(code, ()) for w in negations if w in t.sentence]
        for text, word in rng.sample(found, min(n // 2, len(found))):
            claim = text.sentence.replace(word, " ", 1)
            yield Pair("drop_negation_de_es", False, text.sentence, claim, is_real=True)


def is_called_supported(pair: Pair, policy: Policy = "clauses") -> bool:
    if policy == "clauses":
        return is_supported(check_answer(pair.claim, [Citable(pair.source)], pair.question))
    # The other policies are for comparison; the check itself does not offer them.
    language = language_of(f"{pair.claim} {pair.question}")
    source = read_source(pair.source, default=language)
    return supporting(statement(pair.claim), source, policy, pair.question) is not None


def measure(pairs: Sequence[Pair], n_shown: int, policy: Policy = "clauses") -> dict[str, object]:
    """By edit: how many were called supported, the share, its 95 % interval (Wilson), and how
    many were real sentences."""
    edits: dict[str, dict[str, object]] = {}
    right: list[bool] = []
    worst = 0.0
    for name in dict.fromkeys((pair.is_right, pair.edit) for pair in pairs):
        mine = [pair for pair in pairs if (pair.is_right, pair.edit) == name]
        verdicts = [is_called_supported(pair, policy) for pair in mine]
        n = sum(verdicts)
        low, high = wilson_interval(n, len(mine))
        edits[("harmless " if name[0] else "wrong ") + name[1]] = {
            "pairs": len(mine), "real": sum(p.is_real for p in mine), "supported": n,
            "share": round(n / len(mine), 4),
            "interval": [round(low, 4), round(high, 4)],
        }  # fmt: skip
        right += verdicts if name[0] else []
        worst = worst if name[0] else max(worst, n / len(mine))
        errors = [p for p, v in zip(mine, verdicts, strict=True) if v != p.is_right]
        for pair in errors[:n_shown]:
            print(
                f"{'-' if name[0] else '+'} {pair.edit}: {pair.claim}\n    < {pair.source[:700]}",
                file=sys.stderr,
            )
    return {
        "wrong, worst share": worst,
        "harmless, share": sum(right) / len(right) if right else None,
        "edits": edits,
    }


if __name__ == "__main__":
    main()
