"""A sentence as tokens that can be compared: words, numbers with units, dates, marks."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from localcollab.documents.checking.dates import Readings, dates, times
from localcollab.documents.checking.language import Language
from localcollab.documents.checking.numbers import Number, readings, scale_of
from localcollab.documents.checking.units import PREFIXED, unit_of

Kind = Literal["word", "number", "date", "time", "mark"]
_TOKEN = re.compile(
    r"(?P<number>(?:(?<![\w)\]])[-−+])?\d+(?:[.,'’\u00a0\u202f]\d+)*)"
    r"|(?P<word>[^\W\d_]+(?:['’][^\W\d_]+)*)"
    r"|(?P<joint>(?<=[^\W\d_])[-‐‑](?=[^\W\d_]))"
    r"|(?P<mark>[^\w\s]|_)"
)
_UNIT = re.compile(
    r"\s?([^\W\d_]{1,12}/[^\W\d_]{1,12}|°[CF]?|[€$£¥%]|m[²2]\b|km[²2]\b|[^\W\d_]{1,12}(?![\w'’]))"
)
_WITHOUT_BLANKS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
_SHORT_FORMS = {
    "can't": ("can", "not"),
    "won't": ("will", "not"),
    "cannot": ("can", "not"),
    "shan't": ("shall", "not"),
    "it's": ("it", "is"),
    "that's": ("that", "is"),
    "there's": ("there", "is"),
    "he's": ("he", "is"),
    "she's": ("she", "is"),
    "i'm": ("i", "am"),
    "zum": ("zu", "dem"),
    "zur": ("zu", "der"),
    "im": ("in", "dem"),
    "am": ("an", "dem"),
    "vom": ("von", "dem"),
    "beim": ("bei", "dem"),
}
_GERMAN_ONLY = frozenset({"zum", "zur", "im", "am", "vom", "beim"})
_ENDINGS = {"n't": "not", "'re": "are", "'ve": "have", "'ll": "will"}
_DIGIT_ORDINALS = re.compile(r"(?:st|nd|rd|th)\b")
_ORDINALS = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
]
_FRACTIONS = {"½": ".5", "¼": ".25", "¾": ".75"}
SILENT = frozenset("\"'“”„«»‘’`*_“‚.!?…#|>")
"""Marks that say nothing here."""


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    text: str
    """Folded; what is compared for words and marks."""
    is_capital: bool = False
    number: Number | None = None
    date: Readings = field(default=frozenset())
    minutes: int = -1
    is_spelled: bool = False
    """A number in words."""
    raw: str = ""


def tokens(text: str, language: Language, *, is_claim: bool = False) -> tuple[Token, ...]:
    """The tokens of a sentence, in order; marks that say nothing are left out.

    A claim's numbers may be grouped in the way of another language: 1.870 in English is 1870, too.
    """
    text = _normalized(text)
    fixed = _fixed(text)
    found: list[Token] = []
    at = 0
    while at < len(text):
        if at in fixed:
            end, token = fixed[at]
            found.append(token)
            at = end
            continue
        match = _TOKEN.match(text, at)
        if match is None:
            at += 1
            continue
        at = match.end()
        if match["number"]:
            number, at = _number(match, text, language, is_claim=is_claim)
            found.append(number)
        elif match["word"]:
            found.extend(_words(match["word"], language))
        elif match["mark"] and match["mark"] not in SILENT:
            found.append(_mark(match, text))
    return tuple(_with_units(_joined(found, language)))


def _normalized(text: str) -> str:
    for sign, digits in _FRACTIONS.items():
        text = re.sub(rf"(?<=\d)\s?{sign}", digits, text).replace(sign, f"0{digits}")
    text = re.sub(r"(?<=[\d)])([²³⁰-⁹])", r"^\1", text)
    return unicodedata.normalize("NFKC", text).replace("’", "'")


def _fixed(text: str) -> dict[int, tuple[int, Token]]:
    """start -> (end, token) of dates and times; the longest at each place."""
    found: dict[int, tuple[int, Token]] = {}
    spans: list[tuple[int, int]] = []
    made = [(s, e, Token("date", text[s:e], date=d)) for s, e, d in dates(text)]
    made += [(s, e, Token("time", text[s:e], minutes=m)) for s, e, m in times(text)]
    for start, end, token in sorted(made, key=lambda m: m[0] - m[1]):
        if all(end <= a or start >= b for a, b in spans):
            spans.append((start, end))
            found[start] = end, token
    return found


def _number(
    match: re.Match[str], text: str, language: Language, *, is_claim: bool
) -> tuple[Token, int]:
    digits, end = match["number"], match.end()
    ordinal = _DIGIT_ORDINALS.match(text, end)
    if ordinal is not None:
        n = int(digits) if digits.isdecimal() else 0
        word = _ORDINALS[n - 1] if 1 <= n <= len(_ORDINALS) else digits + "th"
        return Token("word", word), ordinal.end()
    comma = language.decimal_comma if language.code else None
    values = readings(digits, comma)
    if is_claim and _is_grouped(digits):
        values |= readings(digits.replace(",", "").replace(".", ""), comma)
    return Token("number", digits, number=Number(values), raw=text[match.start() : end]), end


def _is_grouped(digits: str) -> bool:
    return bool(re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", digits))


def _words(word: str, language: Language) -> Iterator[Token]:
    folded = word.casefold()
    if _WITHOUT_BLANKS.match(word):
        yield from (Token("word", character) for character in folded)
        return
    capital = word[0].isupper()
    short = _SHORT_FORMS.get(folded)
    if (
        short is not None
        and (folded not in _GERMAN_ONLY or language.code == "de")
        and language.code in ("en", "de")
    ):
        yield from (Token("word", part) for part in short)
        return
    if language.code == "en":
        for ending, full in _ENDINGS.items():
            if folded.endswith(ending):
                yield Token("word", folded.removesuffix(ending), capital)
                yield Token("word", full)
                return
        folded = folded.removesuffix("'s").removesuffix("'")
    parts = folded.split("'")
    yield from (Token("word", part, capital) for part in parts if part)


def _mark(match: re.Match[str], text: str) -> Token:
    mark = match["mark"]
    if mark in "-‐‑–—−":
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        is_range = before.isdigit() and after.isdigit()
        return Token("word", "–") if is_range else Token("mark", "—")
    if mark in ",;:()[]，、；：（）":
        return Token("mark", {"[": "(", "]": ")"}.get(mark, mark))
    return Token("word", mark)


def _joined(found: list[Token], language: Language) -> Iterator[Token]:
    """Number words as numbers: "twenty-one", "two hundred", "1.5 million"."""
    words = dict(language.numbers)
    pending: Token | None = None
    for token in found:
        value = words.get(token.text) if token.kind == "word" else None
        scale = scale_of(token.text) if token.kind == "word" and language.code else None
        if pending is not None and pending.number is not None and scale:
            values = frozenset(v * scale for v in pending.number.values)
            pending = Token(
                "number",
                f"{pending.text} {token.text}",
                number=Number(values),
                is_spelled=pending.is_spelled,
            )
        elif value is not None:
            tens = pending is not None and pending.is_spelled and pending.number is not None
            if (
                tens
                and pending is not None
                and pending.number is not None
                and 0 < value < 10
                and min(pending.number.values) % 10 == 0
            ):
                values = frozenset(v + value for v in pending.number.values)
                pending = Token(
                    "number", f"{pending.text} {token.text}", number=Number(values), is_spelled=True
                )
                continue
            if pending is not None:
                yield pending
            pending = Token(
                "number",
                token.text,
                token.is_capital,
                Number(frozenset({float(value)})),
                is_spelled=True,
            )
        else:
            if pending is not None:
                yield pending
                pending = None
            if token.kind == "number":
                pending = token
            else:
                yield token
    if pending is not None:
        yield pending


def _with_units(found: Iterator[Token]) -> Iterator[Token]:
    """Numbers with the unit before ("$5") or after them ("5 mg", "18 ng/ml")."""
    row = list(found)
    at = 0
    while at < len(row):
        token = row[at]
        following = row[at + 1] if at + 1 < len(row) else None
        if (
            token.kind == "word"
            and token.text in PREFIXED
            and following
            and following.kind == "number"
        ):
            yield _in_unit(following, token.text)
            at += 2
            continue
        if token.kind == "number":
            length = _unit_length(row, at)
            if length:
                yield _in_unit(token, _unit_text(row, at, length))
                at += 1 + length
                continue
        yield token
        at += 1


def _unit_length(row: list[Token], at: int) -> int:
    """How many tokens behind the number at `at` are its unit: "mg", "degrees Celsius", "ng / ml"."""
    if len(row) > at + 3 and row[at + 2].text == "/" and unit_of(_unit_text(row, at, 3)):
        return 3
    is_degree = len(row) > at + 2 and row[at + 1].text in ("°", "degree", "degrees", "grad")
    for length in (2, 1) if is_degree else (1,):
        following = row[at + 1 : at + 1 + length]
        are_words = len(following) == length and all(t.kind == "word" for t in following)
        if are_words and unit_of(_unit_text(row, at, length)):
            return length
    return 0


def _unit_text(row: list[Token], at: int, length: int) -> str:
    return "".join(token.text for token in row[at + 1 : at + 1 + length])


def _in_unit(token: Token, spelling: str) -> Token:
    unit = unit_of(spelling)
    assert token.number is not None
    if unit is None:
        return token
    return Token(
        "number",
        f"{token.text} {spelling}",
        token.is_capital,
        Number(token.number.values, unit),
        is_spelled=token.is_spelled,
    )
