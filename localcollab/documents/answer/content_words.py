"""The content words of a text: names, numbers with units, negations, and their order.

Knows English function words; in other languages more words count as content, which makes a match
stricter, never looser. Scripts without spaces are split into characters.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_FUNCTION_WORDS = """
a an the of and or in on at to by for from with as is are was were be been being has have had do does did
it its this that these those there here he she they them his her their which who whom what than then so
such also into about over under will would can could may might shall should must if but i you we us our
your my me one per each both according source passage document says states
"""
_STOP = frozenset(_FUNCTION_WORDS.split())
_NEGATIONS = frozenset(
    ("not", "no", "never", "without", "nor", "none", "neither", "cannot", "nobody", "nothing")
)
_FIRST_PERSON = frozenset({"i", "we"})
_COUNTED = "two three four five six seven eight nine ten eleven twelve"
_NUMBER_WORDS = {word: float(n) for n, word in enumerate(_COUNTED.split(" "), start=2)}
_NOT_NAMES = re.compile(r"(?:ed|ing|ly)$")
_WORD = re.compile(
    r"(?P<number>(?<![\w)])[-−]\d+(?:[.,]\d+)*|\d+(?:[.,]\d+)*)\s?(?P<unit>%|°[CF]?|€|\$|[^\W\d_]{1,3}\b)?"
    r"|(?P<word>[^\W\d_]+(?:['’-][^\W\d_]+)*)"
)
_WITHOUT_BLANKS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")


class Number(NamedTuple):
    value: float
    unit: str
    """Lower case; empty without one."""


@dataclass(frozen=True, slots=True)
class ContentWords:
    words: tuple[str, ...]
    """Content words, including names and numbers, folded, in order."""
    names: frozenset[str]
    numbers: frozenset[Number]
    lower: frozenset[str]
    """Words written in lower case here, so not names."""
    n_negations: int
    is_question: bool
    is_first_person: bool

    def numbers_are_in(self, others: Sequence[Number]) -> bool:
        """Whether each occurs with its value and, if it has one, its unit."""
        return all(
            any(mine.value == o.value and mine.unit in ("", o.unit) for o in others)
            for mine in self.numbers
        )


def names_and_numbers(*texts: str) -> list[Number]:
    return [number for text in texts for number in content_words(text).numbers]


def content_words(text: str, known_lower: frozenset[str] = frozenset()) -> ContentWords:
    """`known_lower`: words that the sources write in lower case, so that a capital at the start of a
    sentence does not make them names."""
    words: list[str] = []
    names, numbers, lower, n_negations = set(), set(), set(), 0
    is_start = True
    raw = list(_tokens(unicodedata.normalize("NFKC", text)))
    for word, number in raw:
        if number is not None:
            numbers.add(number)
            words.append(f"{number.value:g}")
            words += [number.unit] if number.unit else []
            is_start = False
            continue
        folded = _fold(word)
        n_negations += folded in _NEGATIONS or folded.endswith("n't")
        if word[0].islower():
            lower.add(folded)
        if folded in _STOP or folded in _NEGATIONS:
            is_start = False
            continue
        words.append(folded)
        if _is_name(word, is_start) and not (is_start and folded in known_lower):
            names.add(folded)
        is_start = False
    first = _fold(raw[0][0]) if raw else ""
    return ContentWords(
        tuple(words), frozenset(names), frozenset(numbers), frozenset(lower), n_negations,
        text.rstrip().endswith("?"), first in _FIRST_PERSON,
    )  # fmt: skip


def _tokens(text: str) -> Iterator[tuple[str, Number | None]]:
    for found in _WORD.finditer(text):
        if found["number"]:
            unit = (found["unit"] or "").casefold()
            is_unit = unit not in _STOP and unit not in _NEGATIONS
            yield "", Number(_value(found["number"]), unit if is_unit else "")
        elif _WITHOUT_BLANKS.match(found["word"]):
            yield from ((character, None) for character in found["word"])
        elif found["word"].casefold() in _NUMBER_WORDS:
            yield "", Number(_NUMBER_WORDS[found["word"].casefold()], "")
        else:
            yield found["word"], None


def _value(digits: str) -> float:
    """`1,000` is a thousand, `3,5` three and a half; a point is a decimal point."""
    sign = -1.0 if digits[0] in "-−" else 1.0
    digits = digits.lstrip("-−")
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", digits):
        digits = digits.replace(",", "")
    digits = digits.replace(",", ".")
    whole, *rest = digits.split(".")
    # Versions and dates (1.2.3) are not decimals: all their digits are kept.
    return sign * float(f"{whole}.{''.join(rest)}" if rest else whole)


def _fold(word: str) -> str:
    """Lower case, without possessive and plural s."""
    folded = word.casefold().replace("’", "'")
    folded = folded.removesuffix("'s").removesuffix("'")
    is_plural = len(folded) > 3 and folded.endswith("s") and not folded.endswith(("ss", "us", "is"))
    return folded[:-1] if is_plural else folded


def _is_name(word: str, is_start: bool) -> bool:
    if any(c.isupper() for c in word[1:]):
        return True
    return word[0].isupper() and not (is_start and _NOT_NAMES.search(word))
