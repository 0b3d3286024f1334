"""Which model wrote which words, and what to double-check: spans, places, a sparkline.

An expert's words are in ‹brackets› with its number, as in `localcollab run`, so that they are visible
without colour.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from localcollab.events import TAKEN_BACK, Token, Unfamiliar
from localcollab.history.records import StoredMessage
from localcollab.terminal.unsure_words import spans_of_unsure, unsure_words
from localcollab.terminal.visible_text import visible

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_BARS = "▁▂▃▄▅▆▇█"
ASCII_BARS = " .:-=+*#"


def number_of(author: str, members: Sequence[str]) -> int:
    """0 for the base; a nested author (`expert/anti`) has its member's number."""
    member = author.split("/")[0]
    return members.index(member) if member in members else 0


def mark(number: int) -> str:
    """`¹` for expert 1; nothing for the base."""
    return str(number).translate(_SUPERSCRIPTS) if number else ""


def legend(members: Sequence[str]) -> tuple[tuple[int, str], ...]:
    """(number, how it is shown) for every member."""
    return tuple((n, f"‹{name}›{mark(n)}" if n else name) for n, name in enumerate(members))


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the provenance view: the visible text of a token, or a bracket between runs."""

    text: str
    number: int
    token: int | None
    """Which token of the answer; None: a bracket or a mark."""
    unsure: bool = False


def spans(tokens: Sequence[Token], members: Sequence[str]) -> list[Span]:
    """All tokens in order, runs of experts in numbered brackets; spaces stay outside."""
    found: list[Span] = []
    numbered = [(n, number_of(token.author, members), token) for n, token in enumerate(tokens)]
    for number, run in groupby(numbered, key=lambda item: item[1]):
        found += _run(list(run), number)
    return found


def _run(run: list[tuple[int, int, Token]], number: int) -> list[Span]:
    found: list[Span] = []
    is_open = False
    for n, _, token in run:
        text = visible(token.text)
        words = text.lstrip()
        blanks = text[: len(text) - len(words)]
        if number and not is_open and words:
            if blanks:
                found.append(Span(blanks, 0, None))
            found.append(Span("‹", number, None))
            text, is_open = words, True
        found.append(Span(text, number, n, token.unsure))
    if is_open:
        found.append(Span("›" + mark(number), number, None))
    return found


@dataclass(frozen=True, slots=True)
class Place:
    """Something to double-check: the words, why, and the token to jump to."""

    words: str
    why: str
    token: int | None


def double_check(tokens: Sequence[Token], unfamiliar: Sequence[Unfamiliar]) -> list[Place]:
    """Unfamiliar names first, then the words around unsure tokens, joined where they touch."""
    text, starts = _laid_out(tokens)
    places = []
    for doubt in unfamiliar:
        at = text.find(doubt.name)
        token = None if at < 0 else max(n for n, start in enumerate(starts) if start <= at)
        why = f"{doubt.expert} does not know this name"
        places.append(Place(visible(doubt.name), why, token))
    for start, end in unsure_words(*spans_of_unsure(tokens)):
        first = next(
            n for n, t in enumerate(tokens) if t.unsure and starts[n] + len(t.text) > start
        )
        words = " ".join(visible(text[start:end]).split())
        places.append(Place(words, "no member was confident", first))
    return places


def why_lines(answer: StoredMessage, tokens: Sequence[Token]) -> list[str]:
    """What was taken back while it was written, and what to double-check, each with its reason."""
    outcome = answer.outcome
    notes = outcome.notes if outcome else ()
    lines = [visible(note) for note in notes if note.startswith(TAKEN_BACK)]
    places = double_check(tokens, outcome.unfamiliar if outcome else ())
    lines = lines or ["nothing was taken back"]
    lines += [visible(note) for note in notes if note.startswith("right with probability")]
    return [*lines, *(f"double-check {place.words}: {place.why}" for place in places)]


def _laid_out(tokens: Sequence[Token]) -> tuple[str, list[int]]:
    starts, length = [], 0
    for token in tokens:
        starts.append(length)
        length += len(token.text)
    return "".join(token.text for token in tokens), starts


def next_place(places: Sequence[Place], cursor: int, step: int) -> int | None:
    """The token of the next (step 1) or previous (-1) place from `cursor`, wrapping around."""
    tokens = sorted({place.token for place in places if place.token is not None})
    if not tokens:
        return None
    if step > 0:
        return next((t for t in tokens if t > cursor), tokens[0])
    return next((t for t in reversed(tokens) if t < cursor), tokens[-1])


def sparkline(values: Sequence[float | None], width: int, bars: str = _BARS) -> str:
    """p_defer along the answer: each column is the maximum of its tokens; None is a space."""
    if not values or width < 1:
        return ""
    width = min(width, len(values))
    line = []
    for column in range(width):
        share = values[column * len(values) // width : (column + 1) * len(values) // width]
        known = [value for value in share if value is not None]
        line.append(bars[min(int(max(known) * len(bars)), len(bars) - 1)] if known else " ")
    return "".join(line)


def shares(authors: Mapping[str, int], members: Sequence[str], *, short: bool = False) -> str:
    """`base 60 % · formulary¹ 40 %`, in the order of the members; short: `base 60 % · ¹ 40 %`."""
    counted: dict[int, tuple[str, int]] = {}
    for author, n in authors.items():
        number = number_of(author, members)
        name = members[number] if number < len(members) else author
        counted[number] = (name, counted.get(number, ("", 0))[1] + n)
    total = sum(n for _, n in counted.values()) or 1
    return " · ".join(
        f"{'' if short and number else visible(name)}{mark(number)} {round(100 * n / total)} %"
        for number, (name, n) in sorted(counted.items())
    )
