"""Sentences to edit: real ones (XQuAD, PEPs, the shipped monographs) and invented ones of private
documents.

A text knows the document it comes from, so that development and held-out texts never share one.
Invented texts come from a
small grammar: a template is their document.
"""

import json
import random
import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from localcollab.documents.checking.sentences import sentences

SHIPPED = Path(__file__).parents[2] / "localcollab/shipped/formulary/monographs.txt"
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Text:
    document: str
    passage: str
    sentence: str
    """One sentence of the passage."""

    @property
    def is_held_out(self) -> bool:
        """Half of the documents, by their name."""
        return sha256(self.document.encode()).digest()[0] % 2 == 1


def real_texts(data: Path) -> Iterator[Text]:
    """`data`: a folder with xquad.en.json and peps/."""
    for n, article in enumerate(json.loads((data / "xquad.en.json").read_text("utf-8"))["data"]):
        for paragraph in article["paragraphs"]:
            yield from _of_passage(f"xquad-{n}", paragraph["context"])
    for path in sorted((data / "peps").glob("*.rst")):
        for paragraph in re.split(r"\n\s*\n", path.read_text("utf-8")):
            if _is_prose(paragraph):
                yield from _of_passage(path.stem, " ".join(paragraph.split()))
    if SHIPPED.is_file():
        for part in SHIPPED.read_text("utf-8").split("# ")[1:200]:
            name, _, body = part.partition("\n")
            yield from _of_passage(f"monograph-{name}", body.strip())


def other_language_texts(data: Path, code: str) -> Iterator[Text]:
    for n, article in enumerate(
        json.loads((data / f"xquad.{code}.json").read_text("utf-8"))["data"]
    ):
        for paragraph in article["paragraphs"]:
            yield from _of_passage(f"xquad-{n}", paragraph["context"])


def _of_passage(document: str, passage: str) -> Iterator[Text]:
    for start, end in sentences(passage):
        sentence = passage[start:end]
        if 4 <= len(sentence.split()) and len(sentence) <= _LONGEST and sentence.endswith("."):
            yield Text(document, passage, sentence)


def _is_prose(paragraph: str) -> bool:
    lines = paragraph.splitlines()
    indented = any(
        line.startswith((" ", ".", "-", "*", "+", "|", ":", "#", "=", "~")) for line in lines
    )
    return len(lines) > 1 and not indented and "::" not in paragraph and "``" not in paragraph


# Slots of the grammar: names and things that no two templates need to share.
NAMES = (
    "Anna Berg",
    "Ben Okafor",
    "Carla Ruiz",
    "Dmitri Volkov",
    "Elif Kaya",
    "Farid Haddad",
    "Greta Lind",
    "Hugo Martins",
    "Ines Duarte",
    "Jonas Keller",
    "Katya Orlova",
    "Liam Doyle",
    "Mina Sato",
    "Noah Fischer",
    "Olga Petrova",
    "Paul Weber",
    "Quentin Roy",
    "Rosa Conti",
    "Sven Holm",
    "Tara Singh",
)
FIRMS = (
    "Halden Pumps",
    "Brixton Labs",
    "Nordwind Energy",
    "Acorn Dental",
    "Lumen Optics",
    "Rivera Tiles",
    "Kestrel Freight",
    "Oakley Foods",
)
THINGS = (
    "pump",
    "heater",
    "laptop",
    "bicycle",
    "printer",
    "sofa",
    "drill",
    "camera",
    "boiler",
    "freezer",
    "generator",
    "scanner",
)
DRUGS = (
    "Gozovir",
    "Votomab",
    "Zarzalin",
    "Kihelrine",
    "Lixtuphor",
    "Mepancept",
    "Celnelpam",
    "Forvucept",
)
ILLS = ("headache", "nausea", "a rash", "dizziness", "insomnia", "heartburn", "fatigue", "chills")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
UNITS = ("mg", "ml", "kg", "km", "cm", "litres")


def slots(rng: random.Random) -> dict[str, str]:
    """A fresh filling of all slots; numbers, dates and names of one kind differ from each other."""
    a, b, c = rng.sample(NAMES, 3)
    f, g = rng.sample(FIRMS, 2)
    t, u = rng.sample(THINGS, 2)
    d, e = rng.sample(DRUGS, 2)
    i, j = rng.sample(ILLS, 2)
    n = rng.sample(range(21, 999), 4)
    k = rng.sample(range(2, 12), 3)
    big = rng.sample(range(1001, 9899), 3)
    days, months = rng.sample(range(1, 29), 2), rng.sample(MONTHS, 2)
    years = sorted(rng.sample(range(1990, 2031), 3))
    return {
        "a": a,
        "b": b,
        "c": c,
        "f": f,
        "g": g,
        "t": t,
        "u": u,
        "d": d,
        "e": e,
        "i": i,
        "j": j,
        **{f"n{x}": str(v) for x, v in enumerate(n)},
        **{f"k{x}": str(v) for x, v in enumerate(k)},
        **{f"B{x}": f"{v:,}" for x, v in enumerate(big)},
        "unit": rng.choice(UNITS),
        "day": f"{days[0]} {months[0]} {years[0]}",
        "day2": f"{days[1]} {months[1]} {years[2]}",
        "m0": months[0],
        "m1": months[1],
        "y0": str(years[0]),
        "y1": str(years[1]),
        "y2": str(years[2]),
    }


def fill(template: str, values: dict[str, str]) -> str:
    return string.Formatter().vformat(template, (), values)


def padded(sentence: str, rng: random.Random, values: dict[str, str]) -> str:
    """The sentence among others of a private document; one time in three alone."""
    if rng.random() < 1 / 3:
        return sentence
    before, behind = (fill(rng.choice(_AROUND), values) for _ in range(2))
    return rng.choice(
        (f"{before} {sentence}", f"{sentence} {behind}", f"{before} {sentence} {behind}")
    )


_AROUND: Sequence[str] = (
    "The {u} was delivered by {g}.",
    "{c} took the minutes.",
    "The office has {k2} rooms.",
    "Invoice {n3} was sent in {m1}.",
    "The garden belongs to the house.",
    "{g} has its seat in Hamburg.",
    "Our file number is {n3}.",
    "The keys are with {c}.",
)
