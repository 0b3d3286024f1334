"""The part of a message that a search shows, and the spans of it that matched."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from localcollab.terms.cutting import cut, units
from localcollab.terms.folding import normal, plain

_AROUND = 40
"""Characters shown on each side of a match."""
_MOST_MATCHES = 500
"""Of a message, among which the best place is chosen."""

Marks = tuple[tuple[int, int], ...]


class _Match(NamedTuple):
    start: int
    end: int
    phrase: int
    """Which of the words it is."""


class _Term(NamedTuple):
    start: int
    end: int
    text: str


def snippet(text: str, phrases: Sequence[Sequence[str]]) -> tuple[str, Marks]:
    """Around the place where most of the words stand. `phrases`: terms of each word (see `terms`)."""
    matches = list(islice(_matches(text, phrases), _MOST_MATCHES))
    if not matches:
        return _cut_out(text, 0, 0, ())
    first = max(range(len(matches)), key=lambda n: (len(_seen(matches, n)), -n))
    shown = [match for match in matches[first:] if match.end <= matches[first].end + _AROUND]
    spans = _merged([(match.start, match.end) for match in shown])
    return _cut_out(text, spans[0][0], spans[-1][1], spans)


def excerpt(text: str, part: str) -> tuple[str, Marks]:
    """Around the first place where the part stands as it is."""
    start = text.find(part)
    end = start + len(part)
    return _cut_out(text, start, end, ((start, end),)) if start >= 0 else _cut_out(text, 0, 0, ())


def _seen(matches: Sequence[_Match], first: int) -> set[int]:
    last = matches[first].end + _AROUND
    return {match.phrase for match in islice(matches, first, None) if match.end <= last}


def _matches(text: str, phrases: Sequence[Sequence[str]]) -> Iterator[_Match]:
    """In order of where they begin."""
    longest = max(map(len, phrases))
    window: list[_Term] = []
    for term in _terms(text):
        window.append(term)
        if len(window) > longest:
            yield from _at_start(window, phrases)
            del window[0]
    while window:
        yield from _at_start(window, phrases)
        del window[0]


def _at_start(window: Sequence[_Term], phrases: Sequence[Sequence[str]]) -> Iterator[_Match]:
    for n, phrase in enumerate(phrases):
        found = [term.text for term in window[: len(phrase)]]
        is_same = len(found) == len(phrase) and found[:-1] == list(phrase[:-1])
        if is_same and found[-1].startswith(phrase[-1]):
            yield _Match(window[0].start, window[len(phrase) - 1].end, n)


def _terms(text: str) -> Iterator[_Term]:
    """With their places in the text as it is written; a pair of characters has both places."""
    for each in cut(text):
        if not each.is_dense:
            yield _Term(each.start, each.end, plain(normal(each.text)))
            continue
        places, at = [], each.start
        for unit in units(each.text):
            places.append(_Term(at, at + len(unit), normal(unit)))
            at += len(unit)
        for one, other in zip(places, [*places[1:], None], strict=True):
            yield one if other is None else _Term(one.start, other.end, one.text + other.text)


def _merged(spans: Sequence[tuple[int, int]]) -> Marks:
    merged = [spans[0]]
    for start, end in spans[1:]:
        if start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return tuple(merged)


def _cut_out(text: str, start: int, end: int, spans: Marks) -> tuple[str, Marks]:
    """With `_AROUND` characters on each side, whole words where there are blanks."""
    first, last = max(0, start - _AROUND), min(len(text), end + _AROUND)
    if first > 0:
        blank = text.find(" ", first, start)
        first = blank + 1 if blank >= 0 else first
    if last < len(text):
        blank = text.rfind(" ", end, last)
        last = blank if blank >= 0 else last
    before, after = "…" * (first > 0), "…" * (last < len(text))
    moved = len(before) - first
    return before + text[first:last] + after, tuple((a + moved, b + moved) for a, b in spans)
