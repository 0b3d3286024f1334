"""The same sentence in another order: "X is the Y", a fronted place or time, active and passive.

Each is made on both sides of a comparison, so one order of each pair is enough. None crosses a
word that restricts.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from localcollab.documents.checking.asides import restricts
from localcollab.documents.checking.language import Language
from localcollab.documents.checking.tokens import Token

Row = tuple[Token, ...]
_LONGEST_FRONT = 9
_ONE_FORM = frozenset(["built", "made", "found", "led", "held", "sold", "bought", "paid"])


def orders(row: Row, language: Language) -> tuple[Row, ...]:
    """The row itself first. Each variant says the same."""
    made = [row]
    for make in (_with_front_last, _active, _turned):
        made += [variant for variant in islice(make(row, language), 2) if variant not in made]
    return tuple(made)


def _with_front_last(row: Row, language: Language) -> Iterator[Row]:
    """ "In 1915, X wrote Y" -> "X wrote Y in 1915"."""
    if not row or row[0].text not in language.prepositions:
        return
    comma = next((n for n, t in enumerate(row[: _LONGEST_FRONT + 1]) if t.text == ","), None)
    if comma is None or restricts(row, language):
        return
    body = _without_marks_at_end(row[comma + 1 :])
    if not any(token.kind == "mark" for token in body):
        yield (*body, *row[:comma])


def _active(row: Row, language: Language) -> Iterator[Row]:
    """ "Y was built by X" -> "X built Y", "Y is built by X" -> "X builds Y"."""
    body = _without_marks_at_end(row)
    by = [n for n, token in enumerate(body) if token.text == "by"]
    passive = [n for n, token in enumerate(body) if token.text in ("is", "are", "was", "were")]
    if language.code != "en" or len(by) != 1 or len(passive) != 1 or by[0] != passive[0] + 2:
        return
    agent, patient = body[by[0] + 1 :], body[: passive[0]]
    if not agent or not patient or restricts(row, language) or _has_marks(body):
        return
    for verb in _active_forms(
        body[by[0] - 1].text, is_past=body[passive[0]].text in ("was", "were")
    ):
        yield (*agent, Token("word", verb), *patient)


def _active_forms(participle: str, *, is_past: bool) -> tuple[str, ...]:
    """Only of verbs whose past and participle are one."""
    if is_past:
        return (participle,) if participle.endswith("ed") or participle in _ONE_FORM else ()
    return (participle[:-2] + "s", participle[:-1] + "s") if participle.endswith("ed") else ()


def _turned(row: Row, language: Language) -> Iterator[Row]:
    """ "The maker of X is Y" -> "Y is the maker of X", if one side is a name and the other
    begins with an article."""
    body = _without_marks_at_end(row)
    copulas = [
        n for n, t in enumerate(body) if any(t.text in forms for forms in language.copulas[:2])
    ]
    if language.code != "en" or len(copulas) != 1 or _has_marks(body) or restricts(body, language):
        return
    at = copulas[0]
    left, right = body[:at], body[at + 1 :]
    if not left or not right:
        return
    for name, other in ((right, left), (left, right)):
        if all(t.is_capital for t in name) and other[0].text == "the":
            yield (*right, body[at], *left)
            return


def _without_marks_at_end(row: Sequence[Token]) -> Row:
    end = len(row)
    while end and row[end - 1].kind == "mark":
        end -= 1
    return tuple(row[:end])


def _has_marks(row: Sequence[Token]) -> bool:
    return any(token.kind == "mark" for token in row)
