"""Cuts a text into words; where a script puts no blanks between words, into pairs of characters.

Chinese, Japanese and Korean, Thai, Lao, Khmer and Burmese become overlapping pairs (bigrams). A vowel
sign or a tone mark belongs to its letter. The last character of a run stands alone, so that every
character begins a term, and a word of one character is found by the terms that begin with it.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import groupby, pairwise
from typing import NamedTuple

_DENSE = (
    "\u0e01-\u0e3a\u0e40-\u0e4e"  # Thai
    "\u0e81-\u0ece\u0edc-\u0edf"  # Lao
    "\u1000-\u103f\u1050-\u108f\u109a-\u109d\uaa60-\uaa7f\ua9e0-\ua9ef"  # Burmese
    "\u1780-\u17d3\u17dc\u17dd"  # Khmer
    "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"  # Chinese characters
    "\uac00-\ud7a3"  # Korean: has blanks, but writes particles without
)
_JOINERS = "\u200c\u200d"
_CHINESE = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_LONE = re.compile(rf"(?<![{_CHINESE}々])[{_CHINESE}](?![{_CHINESE}々])")
_ASCII_WORD = re.compile(r"[A-Za-z0-9]+")


class Cut(NamedTuple):
    """A word, or a run of characters of a script without blanks."""

    start: int
    end: int
    text: str
    is_dense: bool


def cut(text: str) -> Iterator[Cut]:
    """In order. Signs, underscores and blanks are left out."""
    for found in _pattern(text).finditer(text):
        first = found[0][0]
        yield Cut(found.start(), found.end(), found[0], first > "\u0e00" and is_dense(first))


def words_of(text: str) -> list[str]:
    """The texts of `cut`."""
    return _pattern(text).findall(text)


def is_dense(text: str) -> bool:
    """Whether any character is of a script without blanks."""
    return not text.isascii() and _dense().search(text) is not None


def pairs(run: str) -> list[str]:
    """The terms of a dense run: overlapping pairs of characters, and the last character alone."""
    found = units(run)
    return [a + b for a, b in pairwise(found)] + found[-1:]


def units(run: str) -> list[str]:
    """The characters of a dense run, each with its marks."""
    return _unit().findall(run) if _mark().search(run) else list(run)


def lone(run: str) -> list[str]:
    """The words of one character that show in a dense run: the whole of it, or a Chinese character
    between Japanese letters."""
    found = units(run)
    return found if len(found) == 1 else _LONE.findall(run)


def _pattern(text: str) -> re.Pattern[str]:
    """The fastest that cuts this text right."""
    if text.isascii():
        return _ASCII_WORD
    return _any_script() if is_dense(text) else _marked_word()


@cache
def _any_script() -> re.Pattern[str]:
    marks = _marks()
    letter = rf"(?:[A-Za-z0-9]++|(?![{_DENSE}])[^\W_])[{marks}{_JOINERS}]*+"
    return re.compile(rf"[{_DENSE}][{_DENSE}{marks}]*+|(?:{letter})++")


@cache
def _marked_word() -> re.Pattern[str]:
    return re.compile(rf"(?:[^\W_]++[{_marks()}{_JOINERS}]*+)++")


@cache
def _dense() -> re.Pattern[str]:
    return re.compile(f"[{_DENSE}]")


@cache
def _unit() -> re.Pattern[str]:
    return re.compile(f".[{_marks()}{_JOINERS}]*", re.DOTALL)


@cache
def _mark() -> re.Pattern[str]:
    return re.compile(f"[{_marks()}{_JOINERS}]")


@cache
def _marks() -> str:
    """Combining marks as ranges of a character class; `re` counts only some of them as letters."""
    marks = [c for c in range(0x300, 0x1E950) if unicodedata.category(chr(c)) in ("Mn", "Mc")]
    runs = [list(run) for _, run in groupby(enumerate(marks), key=lambda at: at[1] - at[0])]
    return "".join(f"{chr(run[0][1])}-{chr(run[-1][1])}" for run in runs)
