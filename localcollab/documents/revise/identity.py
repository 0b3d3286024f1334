"""Whether two documents may speak of the same thing, by their names, headings and first lines.

"Flat 3" is not flat 4, a lease of Anna Berg not one of Carl Fox; a letter may speak of what a lease says.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from localcollab.documents.checking.detection import language_of
from localcollab.documents.checking.language import Language, words_of
from localcollab.documents.checking.sentences import sentences
from localcollab.documents.revise.values import NUMBERED, names
from localcollab.terms.folding import normal, plain

HEAD = 600
_LEAST_OF_FRAME = 2
ROLE = re.compile(r"\s(?:is|are|ist|sind|est|es|è)\s|:", re.IGNORECASE)
"""What names who has a role: the name may change, and the document is about the same."""
"""Characters at a document's beginning that say what it is about."""
_KINDS = words_of(
    """
    lease contract agreement amendment addendum appendix annex letter memo memorandum mail email note
    notes notice policy minutes list report handbook manual guide plan sheet table data document doc file
    update updated news newsletter announcement circular info information draft final new old copy
    current latest rev revision revised version v the of and for to a an in on from with by
    january february march april may june july august september october november december jan feb mar
    apr jun jul aug sep sept oct nov dec q1 q2 q3 q4
    vertrag mietvertrag brief schreiben notiz protokoll liste bericht handbuch plan tabelle anlage
    nachtrag neu alt aktuell stand und der die das von für zum zur im
    januar februar märz mai juni juli oktober dezember
    """
)
"""Words of a name or heading that say what kind of document it is, or when it was written."""
PARTIES = words_of(
    """
    tenant landlord customer client patient employee employer buyer seller borrower lender insured
    applicant student guest mieter vermieter kunde patient arbeitnehmer käufer
    verkäufer locataire bailleur client inquilino arrendador cliente paciente locatore conduttore
    """
)
"""Who a document is about: another one makes it another document."""
_WHO = re.compile(
    r"^[ \t>*_-]*(?:(?:the|der|die|le|la|el|il)\s+)?((?:[^\W\d_]+\s){0,2}?[^\W\d_]+)[*_]*"
    r"(?:\s*:[ \t*_]*|\s(?:is|ist|est|es|è)\s)(\S[^\n]{0,60}?)[.*_ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
"""A line that says who or which: "Tenant: Bob Ray", "Serial number: 12"."""
_NUMBERING = words_of("number no nr id code serial nummer numéro número numero")
_REACHING = words_of("phone telephone fax mobile telefon téléphone teléfono telefono")
_WORD = re.compile(r"[^\W_]+")
_DATE = re.compile(r"(?:19|20)\d\d(?:[-_. ]?\d\d){0,2}|v?\d+(?:\.\d+)+")
_WHICH = re.compile(
    r"(?<![\w])([^\W\d_]+)[ \t]?(?:no\.?|nr\.?|#)?[ \t]?(\d+(?:[.-]\d+)*[a-z]?|[A-Z])(?![\w])"
)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a text says it is about."""

    words: frozenset[str]
    """Of the file's name and the headings, without kinds of documents, dates and versions."""
    numbered: Mapping[str, frozenset[str]]
    """ "flat" -> {"3"}, "tenant" -> {"bob ray"}."""
    parties: frozenset[str]
    """Words of the names in its first lines."""
    frames: Mapping[str, str]
    """Of its first sentences with names: the sentence without them, and the names."""


def identity(stem: str, heading: str, head: str) -> Identity:
    """`stem`: the file's name without its suffix. `head`: the text's beginning."""
    title = re.sub(r"[_\s]+|(?<=[^\W\d_])(?=\d)|(?<=[a-z])(?=[A-Z])", " ", _DATE.sub(" ", stem))
    lines = f"{title}\n{heading}\n{head[:HEAD]}"
    numbered: dict[str, set[str]] = {}
    for found in _WHICH.finditer(lines):
        noun = normal(found[1])
        if noun in NUMBERED:
            numbered.setdefault(noun, set()).add(normal(found[2]))
    for found in _WHO.finditer(head[:HEAD]):
        key = normal(found[1]).split()
        is_number = key[-1] in _NUMBERING and not _REACHING.intersection(key)
        if key[-1] in PARTIES or is_number:
            numbered.setdefault(" ".join(key), set()).add(plain(normal(found[2])))
    return Identity(
        frozenset(_content(f"{title} {_DATE.sub(' ', heading)}")),
        {noun: frozenset(which) for noun, which in numbered.items()},
        frozenset(_parties(head[:HEAD], language_of(head[:HEAD]))),
        dict(_frames(head[:HEAD])),
    )


def may_be_same(mine: Identity, theirs: Identity) -> bool:
    """False where both say which one they mean, and mean another."""
    for noun in mine.numbered.keys() & theirs.numbered.keys():
        if not mine.numbered[noun] & theirs.numbered[noun]:
            return False
    for frame in mine.frames.keys() & theirs.frames.keys():
        if mine.frames[frame] != theirs.frames[frame]:
            return False
    only_mine, only_theirs = mine.words - theirs.words, theirs.words - mine.words
    return not (mine.words & theirs.words and only_mine and only_theirs)


def headings_agree(mine: str, theirs: str) -> bool:
    """False where two headings share a word and each has another: "Pump A" and "Pump B"."""
    return may_be_same(identity("", mine, ""), identity("", theirs, ""))


def are_related(mine: Identity, theirs: Identity) -> bool:
    """Whether something says that they are about the same."""
    shared = any(
        mine.numbered[n] & theirs.numbered[n] for n in mine.numbered.keys() & theirs.numbered
    )
    return bool(shared or mine.words & theirs.words or mine.parties & theirs.parties)


def _content(text: str) -> Iterator[str]:
    for word in _WORD.findall(text):
        folded = plain(normal(word))
        if folded not in _KINDS and not _DATE.fullmatch(folded):
            yield folded


def _frames(head: str) -> Iterator[tuple[str, str]]:
    """ "A lease between Ann Lee and Bob Ray": who is named where names alone tell documents apart."""
    for start, end in sentences(head):
        text = head[start:end]
        spans = [(name.start, name.end) for name in names(text) if " " in name.text]
        if not spans or ROLE.search(text) or end == len(head):
            continue
        frame = text
        for first, last in reversed(spans):
            frame = f"{frame[:first]}~{frame[last:]}"
        if len(_WORD.findall(frame)) >= _LEAST_OF_FRAME:
            yield " ".join(normal(frame).split()), "; ".join(normal(text[a:b]) for a, b in spans)


def _parties(head: str, language: Language) -> Iterator[str]:
    """Words of names of two words or more: one alone may only begin a sentence."""
    for name in names(head):
        words = name.text.split()
        if words[0].casefold() in language.articles | language.common | language.prepositions:
            words = words[1:]
        if len(words) > 1:
            yield from (plain(normal(word)) for word in words if word[:1].isupper())
