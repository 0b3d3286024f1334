"""Wrong edits of names, roles, numbers, units and dates."""

import random
import re
from collections.abc import Sequence

from claim_editing import NAME, first, swapped, tidy
from claim_texts import MONTHS, Text

_NUMBER = re.compile(r"(?<![\w.,\[`-])\d[\d,.]*(?<![.,])(?![\w\]`-])")
"""Not those of footnotes and references: "[3]_", ":pep:`402`"."""
_DATE = re.compile(r"\b(?:in|In|on|On) (?:(\d{1,2}) )?(?:(" + "|".join(MONTHS) + r") )?(\d{4})\b")


def swap_names(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    names = [m for m in NAME.finditer(text.sentence) if m[0] not in MONTHS]
    pairs = [
        (x, y)
        for x in names
        for y in names
        if x.start() < y.start() and x[0] not in y[0] and y[0] not in x[0]
    ]
    pairs = [
        (x, y)
        for x, y in pairs
        if not re.fullmatch(r"(?:,? (?:and|or) |, |/)", text.sentence[x.end() : y.start()])
        and not _is_one_list(text.sentence[x.start() : y.end()])
    ]
    return swapped(text.sentence, *rng.choice(pairs)) if pairs else None


def swap_roles(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    """Subject and object of a verb between two names."""
    found = re.match(
        r"^((?:The )?[A-Z][\w-]+(?: [A-Z][\w-]+)*) ((?:was |were )?\w+ed(?: by| to|"
        r" from)?|led|won|beat|met|founded|gave|built|sold|"
        r"wrote) ((?:the )?[A-Z][\w-]+(?: [A-Z][\w-]+)*)",
        text.sentence,
    )
    if found is None or found[1] == found[3]:
        return None
    return tidy(f"{found[3]} {found[2]} {found[1]}{text.sentence[found.end() :]}")


def replace_name(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    names = [m for m in NAME.finditer(text.sentence) if m[0] not in MONTHS]
    others = [n for n in NAME.findall(text.passage) if n not in text.sentence and n not in MONTHS]
    if not names or not others:
        return None
    name = rng.choice(names)
    other: str = rng.choice(others)
    if other.rstrip("s") == name[0].rstrip("s"):  # "APIs" for "API" says the same
        return None
    return text.sentence[: name.start()] + other + text.sentence[name.end() :]


def swap_numbers(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    numbers = list(_NUMBER.finditer(text.sentence))
    pairs = [(x, y) for x in numbers for y in numbers if x.start() < y.start() and x[0] != y[0]]
    pairs = [
        (x, y)
        for x, y in pairs
        if not re.fullmatch(r"(?:,? (?:and|or) |, )", text.sentence[x.end() : y.start()])
    ]
    return swapped(text.sentence, *rng.choice(pairs)) if pairs else None


def number_of_another(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    """A number of the passage's other sentences in the place of this one's."""
    numbers = list(_NUMBER.finditer(text.sentence))
    others = [
        n
        for n in _NUMBER.findall(text.passage.replace(text.sentence, ""))
        if n not in text.sentence
    ]
    if not numbers or not others:
        return None
    number = rng.choice(numbers)
    other: str = rng.choice(others)
    return text.sentence[: number.start()] + other + text.sentence[number.end() :]


def change_number(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    numbers = list(_NUMBER.finditer(text.sentence))
    if not numbers:
        return None
    number = rng.choice(numbers)
    at = rng.choice([n for n, c in enumerate(number[0]) if c.isdigit()])
    digit = rng.choice([d for d in "123456789" if d != number[0][at]])
    changed = number[0][:at] + digit + number[0][at + 1 :]
    return text.sentence[: number.start()] + changed + text.sentence[number.end() :]


_OTHER_UNITS = {
    "mg": "g",
    "g": "mg",
    "ml": "mg",
    "kg": "g",
    "km": "miles",
    "miles": "kilometres",
    "kilometres": "metres",
    "metres": "feet",
    "feet": "metres",
    "percent": "percentage points",
    "%": " euros",
    "years": "months",
    "months": "weeks",
    "weeks": "days",
    "days": "weeks",
    "hours": "minutes",
    "minutes": "hours",
    "euros": "dollars",
    "million": "billion",
    "billion": "million",
    "cm": "m",
    "litres": "ml",
    "acres": "hectares",
    "points": "games",
    "square kilometres": "square miles",
    "people": "families",
    "°F": "°C",
    "km2": "ha",
    "mi": "km",
    "pounds": "euros",
}


def change_unit(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    for unit in rng.sample(list(_OTHER_UNITS), len(_OTHER_UNITS)):
        made = first(
            rf"(?<=\d)( ?){re.escape(unit)}(?!\w)", rf"\g<1>{_OTHER_UNITS[unit]}", text.sentence
        )
        if made:
            return made
    return first(r"\$(?=\d)", "€", text.sentence)


def change_date(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    found = _DATE.search(text.sentence)
    if found is None:
        return None
    year = str(int(found[3]) + rng.choice((-10, -1, 1, 2)))
    if found[2] and rng.random() < 0.5:
        month = rng.choice([m for m in MONTHS if m != found[2]])
        return text.sentence[: found.start(2)] + month + text.sentence[found.end(2) :]
    return text.sentence[: found.start(3)] + year + text.sentence[found.end(3) :]


def _is_one_list(part: str) -> bool:
    """Whether two names stand in one enumeration, whose order says nothing."""
    inner = re.sub(r"[A-Z][\w'-]*", "", part)
    return bool(re.fullmatch(r"[\s,]*(?:(?:and|or|of|the|&)[\s,]*)*", inner)) or (
        " and " in part and inner.count(" ") <= 4
    )
