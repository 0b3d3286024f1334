"""Harmless edits: each takes a sentence and returns one that follows from it, or None where it
does not apply.

Like `claim_edits`; `TEMPLATES` hold (source, claim) or (source, claim, question).
"""

import random
import re
from collections.abc import Sequence

from claim_edits import Edit
from claim_texts import MONTHS, Text

_SAFE_TAIL = r", (?:which|who|where|[a-z]{3,}ing) [^,;:]+\.$"
_RESTRICTING = re.compile(
    r"\b(?:not|no|never|without|except|if|unless|until|only|may|might|could|would|"
    r"should|said|claimed|according|but|however|although|though|while|"
    r"believed|argued|before|after|when|because|excluding|starting|beginning|assuming|"
    r"whether|can|will|must|than|instead|during|alleged\w*|rather|despite)\b",
    re.I,
)
_WORDS = [
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
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]
_SPELLED = {
    "mg": "milligrams",
    "ml": "millilitres",
    "kg": "kilograms",
    "km": "kilometres",
    "cm": "centimetres",
    "%": " percent",
    "percent": "%",
    "euros": "EUR",
    "€": "euros",
    "kilometres": "km",
    "metres": "m",
}

_TYPED = {ord("’"): "'", ord("“"): '"', ord("”"): '"', ord("–"): "-"}


def as_it_is(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return text.sentence


def typography(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    """Other quotes and dashes, no full stop, a lower-case start where it is an article."""
    made = text.sentence.translate(_TYPED).rstrip(".")
    made = re.sub(r"^(The|A|An|In) ", lambda m: m[0].lower(), made)
    return made if made != text.sentence else None


def list_marker(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return rng.choice(("1. ", "- ", "* ", "1.\n", "2) ")) + text.sentence


def according_to_the_source(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return (
        rng.choice(
            (
                "According to [1], ",
                "According to the document, ",
                "Based on the provided sources, ",
                "The source says that ",
            )
        )
        + text.sentence
    )


def number_format(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    found = re.search(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d.,]\d)", text.sentence)
    return text.sentence.replace(found[0], found[0].replace(",", ""), 1) if found else None


def number_words(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    word = re.search(r"(?<= )(" + "|".join(_WORDS[1:12]) + r")(?= [a-z]+s\b)", text.sentence)
    if word:
        return (
            text.sentence[: word.start()]
            + str(_WORDS.index(word[1]) + 1)
            + text.sentence[word.end() :]
        )
    digit = re.search(r"(?<= )([2-9]|1[0-2])(?= [a-z]+s\b)", text.sentence)
    return (
        text.sentence[: digit.start()] + _WORDS[int(digit[1]) - 1] + text.sentence[digit.end() :]
        if digit
        else None
    )


def date_format(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    names = "|".join(MONTHS)
    found = re.search(rf"\b(\d{{1,2}}) ({names}) (\d{{4}})\b", text.sentence)
    turned = None if found else re.search(rf"\b({names}) (\d{{1,2}}), (\d{{4}})\b", text.sentence)
    if found is None and turned is None:
        return None
    match = found or turned
    assert match is not None
    day, month, year = (found[1], found[2], found[3]) if found else (match[2], match[1], match[3])
    forms = (
        f"{year}-{MONTHS.index(month) + 1:02}-{int(day):02}",
        f"{month} {day}, {year}" if found else f"{day} {month} {year}",
    )
    return text.sentence[: match.start()] + rng.choice(forms) + text.sentence[match.end() :]


def unit_spelling(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    for unit in rng.sample(list(_SPELLED), len(_SPELLED)):
        made, n = re.subn(
            rf"(?<=\d)( ?){re.escape(unit)}(?!\w)",
            rf"\g<1>{_SPELLED[unit]}",
            text.sentence,
            count=1,
        )
        if n:
            return made
    return None


def word_order(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    """A place or time from the front to the end."""
    found = re.match(
        r"^((?:In|On|At) (?:[A-Z0-9][\w]*|the \w+)(?: \w+){0,3}), ([a-zA-Z][^,;:()]+)\.$",
        text.sentence,
    )
    if found is None or _RESTRICTING.search(text.sentence):
        return None
    return f"{found[2][:1].upper()}{found[2][1:]} {found[1][:1].lower()}{found[1][1:]}."


def drop_aside(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    found = re.search(r" \([^()]+\)", text.sentence)
    if (
        found is None
        or _RESTRICTING.search(found[0])
        or (re.search(r"\d", found[0]) and "%" in found[0])
    ):
        return None
    return text.sentence[: found.start()] + text.sentence[found.end() :]


def drop_tail(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    found = re.search(_SAFE_TAIL, text.sentence)
    if found is None or _RESTRICTING.search(found[0]):
        return None
    return text.sentence[: found.start()] + "."


def drop_link(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    made = re.sub(
        r"^(?:Furthermore|Moreover|Additionally|Thus|Therefore|Consequently|Hence), (\w)",
        lambda m: m[1].upper(),
        text.sentence,
    )
    made = re.sub(r" also(?= )", "", made, count=1) if made == text.sentence else made
    return made if made != text.sentence else None


def morphology(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    """The subject's and verb's number: "The maker is" -> "The makers are"."""
    made = re.sub(r"^(The [a-z]+[^s\W]) is (?!not)", r"\1s are ", text.sentence)
    return made if made != text.sentence else None


def contraction(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    pairs = (
        ("is not ", "isn't "),
        ("are not ", "aren't "),
        ("was not ", "wasn't "),
        ("did not ", "didn't "),
        ("does not ", "doesn't "),
        ("do not ", "don't "),
        ("cannot ", "can't "),
        ("were not ", "weren't "),
    )
    return next((text.sentence.replace(x, y, 1) for x, y in pairs if x in text.sentence), None)


def second_half(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    """ "A, and B." -> B, where both halves are clauses of their own."""
    found = re.match(
        r"^((?:The |A )?[A-Z]?[\w ]+ (?:is|was|are|were|has|had) [^,;:()]+), and ((?:the |"
        r"a )[\w ]+ (?:is|was|are|were|has|had) [^,;:]+)\.$",
        text.sentence,
    )
    if found is None or _RESTRICTING.search(text.sentence):
        return None
    return f"{found[2][:1].upper()}{found[2][1:]}."


HARMLESS: dict[str, Edit] = {
    edit.__name__: edit
    for edit in (
        as_it_is,
        typography,
        list_marker,
        according_to_the_source,
        number_format,
        number_words,
        date_format,
        unit_spelling,
        word_order,
        drop_aside,
        drop_tail,
        drop_link,
        morphology,
        contraction,
        second_half,
    )
}
