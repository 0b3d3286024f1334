"""Why a sentence is not supported, in one line: what it leaves out of its source, or what no source
holds.

Explains a verdict for a reader; it decides nothing.
"""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from localcollab.documents.answer.citations import Claim
from localcollab.documents.answer.events import SentPassage
from localcollab.documents.checking.detection import language_of
from localcollab.documents.checking.language import Language
from localcollab.documents.checking.sentences import sentences

_WORD = re.compile(r"\d[\d.,]*\d|\d|[^\W_]+(?:['’-][^\W_]+)*")
_LONGEST = 90
"""Characters of a quoted stretch."""


def why_not(claim: Claim, passages: Sequence[SentPassage]) -> str:
    """What keeps the claim from being supported, as the end of "left out, because it ..."."""
    source = nearest(claim.text, passages)
    if source is None:
        return "is about nothing that the sources name"
    said, written = _words(claim.text), _words(source)
    numbers = [word for word in said if word[0].isdigit() and word not in written]
    if numbers:
        return f"says “{numbers[0]}”, which stands in no sentence about it"
    language = language_of(source, language_of(claim.text))
    denials = [sum(word in language.negations for word in words) for words in (said, written)]
    if denials[0] > denials[1]:
        return "denies what the source says"
    left_out = _left_out(said, written, language)
    if left_out:
        return f"leaves out “{left_out}”"
    new = [word for word in said if word not in written and word not in language.common]
    if new:
        return f"says “{new[0]}”, the nearest sentence does not"
    return "puts the words of its source together in another way"


def nearest(text: str, passages: Sequence[SentPassage]) -> str | None:
    """The sentence of the passages that shares most words with `text`; None if none shares one."""
    found = (
        (passage.text[a:b], n)
        for n, passage in enumerate(passages)
        for a, b in sentences(passage.text)
    )
    said = set(_words(text)) - language_of(text).common
    best = max(found, key=lambda each: (_shared(said, each[0]), -each[1]), default=None)
    return best[0] if best is not None and _shared(said, best[0]) else None


def _shared(said: set[str], sentence: str) -> float:
    """Longer sentences share words by chance."""
    words = set(_words(sentence))
    return len(said & words) / (len(words) + 8)


def _left_out(said: Sequence[str], written: Sequence[str], language: Language) -> str:
    """The first stretch of the source that the claim lacks and that restricts something."""
    for how, _, _, start, end in SequenceMatcher(None, said, written, autojunk=False).get_opcodes():
        stretch = written[start:end]
        if how in ("insert", "replace") and any(language.restricts(word) for word in stretch):
            first = next(n for n, word in enumerate(stretch) if language.restricts(word))
            shown = " ".join(stretch[first:])
            return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST].rsplit(' ', 1)[0]} …"
    return ""


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]
