"""The sentences and rows of a text whose values may have changed, and what each would state anew."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from localcollab.documents.checking import asides, records
from localcollab.documents.checking.detection import language_of
from localcollab.documents.checking.language import Language, words_of
from localcollab.documents.checking.source import read_source
from localcollab.documents.checking.tokens import tokens
from localcollab.documents.records import Piece
from localcollab.documents.revise.identity import PARTIES
from localcollab.documents.revise.values import Value, names, values
from localcollab.documents.revise.wordings import plainer, without_time

_MARKER = re.compile(r"^\s*(?:[-*•#>]+|\d{1,3}[.)])\s+")
DEFINITE = words_of(
    "the our your their my its der die das unser unsere ihr le la l' les notre el los las nuestro nuestra"
    " il lo gli nostro nostra"
)
_COPULA = words_of("is ist est es è")
_STATES = _COPULA | words_of(
    "beträgt betragen kostet kosten dauert dauern costs cost takes has have gets"
)
"""Verbs behind which a value stands."""
_OF_WHOM = re.compile(r"\b(?:is|are)\s+\w+ed\s+by\s+$")
_META = words_of(
    "name date id no nr number page version author title subject from to cc created updated issued by"
    " betreff datum von an seite autor titel stand fecha de para asunto página titre objet"
)
"""Keys of lines about the document itself, or that say which one is meant."""
_NUMBERING = words_of("id no nr number page version nummer numéro número numero")
"""Columns of a table that say which row it is."""
_ROLES = words_of(
    "ceo cfo cto coo chair chairman chairwoman chairperson head director president secretary treasurer"
    " manager mayor minister editor principal captain coach leiter leiterin geschäftsführer"
    " geschäftsführerin vorsitzender vorsitzende präsident präsidentin bürgermeister bürgermeisterin"
    " directeur directrice président présidente maire presidente director directora alcalde direttore"
    " direttrice sindaco"
)
_LEADS = words_of(
    "leads heads chairs manages runs directs supervises coordinates edits leitet führt"
)
_BARE = words_of("of with over under above below von mit über unter de avec sur con sobre di su")
_LINKS = words_of("for to by until within after in on at")
_LINK = re.compile(
    r"\s*;\s+|,?\s+(?:and|und|et|y|e)\s+(?=[^\W\d_]+\s)|,\s+(?=(?:the|der|die|das)\s)"
)
"""Between two clauses, maybe."""
_OLD = re.compile(r"\b(?:old|former|previous|first|second|alte[nrs]?|frühere[nrs]?)\b", re.I)
"""Beside it "the new one" is another thing, and no news."""
_COMMA = re.compile(r"\s*(?:[,;]|\s[-–—]\s|\()")
_LEAST_WORDS = 2
_MOST_VALUES = 8
"""Of a sentence: one with more is a list."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One sentence, or one cell of a table, with values that may have changed."""

    start: int
    """Of the sentence, or row, in the text."""
    text: str
    values: tuple[Value, ...]
    """Those that may change; places within `text`."""
    heading: str
    language: Language
    cell: tuple[str, str] | None = None
    """Of a row: whose value it is, and its column."""
    is_key: bool = False
    """A line `key: value`."""

    @property
    def said(self) -> str:
        """What to search for."""
        return self.text if self.cell is None else f"{self.cell[0]} {self.cell[1]}"

    def claims(self, new: Mapping[Value, str]) -> list[str]:
        """What the sentence would say with other values, and its first clause alone."""
        if self.cell is not None:
            whose, column = self.cell
            (value,) = new.values()
            return [f"{whose}: {column}: {value}", f"The {column} of {whose} is {value}."]
        text, end = self._replaced(new)
        whole = [_MARKER.sub("", text), _MARKER.sub("", self._first_clause(text, end))]
        plain = [said.text for each in whole for said in plainer(each, self.language)]
        return list(dict.fromkeys([*whole, *plain]))

    def since(self) -> Value | None:
        """The date from which the sentence says it holds."""
        said = self.said_since()
        return next((v for v in self.values if v.kind == "date" and v.text == said), None)

    def said_since(self) -> str:
        """The same as it is written, which may be no value: "since July"."""
        return without_time(_MARKER.sub("", self.text)).since

    def _replaced(self, new: Mapping[Value, str]) -> tuple[str, int]:
        """The text, and where the last new value ends."""
        text, at, end = "", 0, 0
        for value in sorted(new, key=lambda value: value.start):
            text += self.text[at : value.start] + new[value]
            at, end = value.end, len(text)
        return text + self.text[at:], end

    def _first_clause(self, text: str, end: int) -> str:
        """Up to a comma behind the new value, where what follows restricts nothing."""
        found = _COMMA.search(text, end)
        if found is None or not self._says_enough(text[: found.start()]):
            return text
        tail = text[found.start() :]
        is_free = not asides.restricts(tokens(tail, self.language), self.language)
        return f"{text[: found.start()]}." if is_free and self.language.code else text

    def _says_enough(self, clause: str) -> bool:
        """Whether it says of what the value is: "On 12 May 1705" does not."""
        free = self.language.common | self.language.prepositions | self.language.articles
        months = frozenset(self.language.months)
        said = [t for t in tokens(clause, self.language) if t.kind == "word"]
        told = [t for t in said if t.text not in free | months]
        return len(told) >= (1 if self.is_key else _LEAST_WORDS)


def facts(pieces: Sequence[Piece]) -> Iterator[Fact]:
    """In the order of the text."""
    whole = language_of("\n".join(piece.text for piece in pieces[:4]))
    for piece in pieces:
        source = read_source(piece.text, piece.heading, whole)
        rows = [piece.text[each.start : each.end] for each in source.sentences]
        for n, sentence in enumerate(source.sentences):
            if sentence.is_void or sentence.limit or "?" in rows[n]:
                continue
            start = piece.start + sentence.start
            pairs = records.record(rows[n]) or records.row_of(_header(rows, n), rows[n])
            if pairs:
                yield from _of_row(start, rows[n], pairs, piece.heading, sentence.language)
            elif " | " not in rows[n]:
                for at, said in _clauses(rows[n], sentence.language):
                    yield from _of_sentence(start + at, said, piece.heading, sentence.language)


def _clauses(sentence: str, language: Language) -> Iterator[tuple[int, str]]:
    """The sentence, and clauses of it that stand on their own: "the fee is ..., and the rent is ...".
    Of one that restricts anything none does."""
    yield 0, sentence
    if (
        _OLD.search(sentence)
        or not language.code
        or asides.restricts(tokens(sentence, language), language)
    ):
        return
    at, parts = 0, list[tuple[int, str]]()
    for link in [*_LINK.finditer(sentence), None]:
        end = link.start() if link else len(sentence)
        parts.append((at, sentence[at:end]))
        at = link.end() if link else end
    if len(parts) > 1 and all(_states_alone(part, language) for _, part in parts):
        yield from parts


def _states_alone(clause: str, language: Language) -> bool:
    row = tokens(clause, language)
    is_whole = bool(row) and (row[0].text in DEFINITE or row[0].is_capital)
    verbs = _STATES | {f"{verb}s" for verb in language.scheduled}
    return is_whole and any(asides.is_verb(t, language) or t.text in verbs for t in row)


def _header(rows: Sequence[str], n: int) -> str:
    first = n
    while first and "|" in rows[first] and "|" in rows[first - 1]:
        first -= 1
    return rows[first] if first < n else ""


def _of_row(
    start: int, row: str, pairs: Sequence[tuple[str, str]], heading: str, language: Language
) -> Iterator[Fact]:
    """Of every cell that is one value."""
    whose, at = pairs[0][1], 0
    for n, (column, cell) in enumerate(pairs):
        at = row.find(cell, at)
        if at < 0:
            return
        value = whole_value(cell, language)
        may_change = column.casefold() not in _NUMBERING and any(map(str.isalpha, whose))
        if n and value is not None and may_change:
            moved = _moved(value, at)
            yield Fact(start, row, (moved,), heading, language, (whose, column))
        at += len(cell)


def whole_value(cell: str, language: Language) -> Value | None:
    """The value that a cell is; None if it is more, or none."""
    text = cell.strip().strip("*_` ")
    for value in (*values(text, language), *names(text)):
        if value.start == 0 and value.end == len(text):
            first = cell.index(text)
            return _moved(value, first)
    return None


def _moved(value: Value, by: int) -> Value:
    return Value(
        value.start + by, value.end + by, value.text, value.kind, value.number, value.date,
        value.minutes, value.digits,
    )  # fmt: skip


def _of_sentence(start: int, text: str, heading: str, language: Language) -> Iterator[Fact]:
    marker = _MARKER.match(text)
    body = text[marker.end() :] if marker else text
    first = body.split()[0].strip(".,:;").casefold() if body.split() else ""
    if first in language.pronouns:
        return
    key = re.match(r"[*_ ]*([^:\n]{1,60}?)[*_ ]*:[*_ ]*\s", body)
    if key and key[1].strip().casefold() in _META:
        return
    offset = len(text) - len(body)
    found = [value for value in values(text, language) if value.start >= offset]
    if len(found) > _MOST_VALUES:
        return
    may = [value for value in found if _may_change(value, text, offset, language, bool(key))]
    may += [_moved(name, offset) for name in _roles(body, language, key.end() if key else 0)]
    if may:
        yield Fact(
            start, text, tuple(sorted(may, key=lambda v: v.start)), heading, language,
            is_key=key is not None,
        )  # fmt: skip


def _may_change(value: Value, text: str, offset: int, language: Language, is_key: bool) -> bool:
    """Not what says which thing is meant, and no date of what is past."""
    before = text[offset : value.start]
    if is_key:
        return ":" in before
    row = tokens(text, language)
    if value.kind == "date":
        if any(_is_past(token.text, language) for token in row if token.kind == "word"):
            return False
        if without_time(text[offset:]).since == value.text:
            return True
    said = tokens(before, language)
    has_verb = any(asides.is_verb(t, language) or t.text in _STATES for t in said)
    if value.kind == "contact" or has_verb or not language.code:
        return has_verb or (not language.code and bool(said))
    last = said[-1].text if said else ""
    words = [t for t in said if t.kind == "word" and t.text not in language.common | _BARE | _LINKS]
    return last not in _BARE and len(words) >= _LEAST_WORDS


def _is_role(following: Sequence[str]) -> bool:
    """Behind a name: "is the chair of ...", "is CEO of ...", "leads the ..."."""
    if len(following) < _LEAST_WORDS + 1:
        return False
    verb, next_ = following[:2]
    if verb in _COPULA:
        return next_ in DEFINITE or next_ in _ROLES
    return verb in _LEADS and next_ in DEFINITE


def _is_past(word: str, language: Language) -> bool:
    return word in ("was", "were", "had") or (word in language.past - language.auxiliaries)


def _roles(body: str, language: Language, behind_key: int) -> Iterator[Value]:
    """Names that say who or what something is: "The chair is Anna Berg", "Contact: Anna Berg"."""
    for name in names(body):
        before, after = body[: name.start], body[name.end :]
        words = before.casefold().replace("*", "").replace(":", "").split()
        following = after.casefold().replace(".", "").split()
        if PARTIES.intersection([*words, *following]):
            continue
        if behind_key:
            if name.start == behind_key and not after.strip(" .*_\n"):
                yield name
            continue
        is_last = not after.strip(" .*_\n") or bool(_COMMA.match(after))
        is_told = len(words) > _LEAST_WORDS - 1 and words[-1] in _COPULA and words[0] in DEFINITE
        is_agent = bool(_OF_WHOM.search(before)) and bool(words) and words[0] in DEFINITE
        has_role = not before.strip(" *_") and _is_role(following)
        if ((is_told or is_agent) and is_last) or has_role:
            yield name
