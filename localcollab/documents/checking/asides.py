"""What a sentence may lose and still be believed: asides, and the half that the claim does not use.

Every function answers for one stretch of a source sentence's tokens. What is not named here is
not left out.
"""

from collections.abc import Sequence

from localcollab.documents.checking.language import Language
from localcollab.documents.checking.tokens import Token

_BRACKETS = {"(": ")", "（": "）", "—": "—"}
_COMMAS = frozenset(",，、")
_ENDS = frozenset(";；")
_EITHER = frozenset(["or", "oder", "o", "ou", "ni", "nor"])
_LISTING = _EITHER - {"ni", "nor"}


def restricts(stretch: Sequence[Token], language: Language) -> bool:
    """Whether a word in it negates, conditions or attributes what stands outside of it."""
    return any(_reaches_out(token, language) for token in stretch)


def _reaches_out(token: Token, language: Language) -> bool:
    if token.kind != "word" or (token.is_capital and token.text in language.months):
        return False  # "May" is no "may".
    # A name is no verb of speech: "Reportage Ltd".
    return token.text in language.restrictions - language.benign or (
        not token.is_capital and language.reaches_out(token.text)
    )


def is_verb(token: Token, language: Language) -> bool:
    """Whether it is surely a finite verb: an auxiliary or a past. Most present forms are not
    recognised."""
    if token.kind != "word" or token.is_capital:
        return False
    if token.text in language.auxiliaries or token.text in language.past:
        return True
    ending = language.past_ending
    return bool(ending) and len(token.text) > 4 and token.text.endswith(ending)


def aside_end(source: Sequence[Token], start: int, language: Language) -> int | None:
    """Where an aside that begins with the mark at `start` ends (exclusive), if it may be left
    out."""
    mark = source[start]
    if mark.kind != "mark" or not language.code:
        return None
    closing = _BRACKETS.get(mark.text)
    if closing is not None:
        end = _find(source, start + 1, frozenset({closing}))
        inside = source[start + 1 : end]
        return None if end is None or restricts(inside, language) else end + 1
    if mark.text not in _COMMAS:
        return None
    end = _find(source, start + 1, _COMMAS)
    if end is None or not _adds(source, start, end, language):
        return None
    following = source[end + 1 : end + 2]
    # "the rent, the deposit, and the fee": a list, whose items are no asides.
    is_list = bool(following) and following[0].text in language.coordinators | _LISTING
    return None if is_list else end + 1


def _adds(source: Sequence[Token], start: int, end: int, language: Language) -> bool:
    """Whether what stands between the comma at `start` and `end` only adds something.

    Behind "is, by most accounts, the largest" an aside has ended, and what follows belongs to the verb;
    "Norway, the islands or Peru" is a choice.
    """
    stretch = source[start + 1 : end]
    if not says_more(stretch, language):
        return False
    if language.articles and stretch[0].text not in language.articles:
        return True
    is_of_verb = any(
        is_verb(token, language) and source[at + 1].text in _COMMAS
        for at, token in enumerate(source[:start])
    )
    return not is_of_verb and not any(token.text in _EITHER for token in stretch)


def says_more(stretch: Sequence[Token], language: Language) -> bool:
    """Whether what stands behind a comma only adds something, judged by its first words."""
    if not stretch or restricts(stretch, language):
        return False
    first, second = stretch[0], stretch[1] if len(stretch) > 1 else stretch[0]
    if first.kind != "word" or first.is_capital or first.text in language.conditional_starts:
        return False
    if first.text in language.aside_starts:
        return True
    if first.text in language.prepositions:
        return second.text in language.relatives  # "with which", "of whom"
    # ", sometimes resulting in delays"
    word = second.text if first.text in language.benign else first.text
    return (
        len(word) > 4
        and word not in language.conditional_starts
        and bool(language.aside_endings)
        and word.endswith(language.aside_endings)
    )


def tail_may_go(source: Sequence[Token], start: int, language: Language) -> bool:
    """Whether the claim may end before the token at `start`."""
    tail = source[start:]
    if all(token.kind == "mark" for token in tail):
        return True
    if not language.code or restricts(tail, language):
        return False
    if len(tail) < 2:
        return False
    first, second = tail[0], tail[1]
    if first.text in _ENDS:
        return True
    if first.kind == "mark" and first.text in _COMMAS:
        if second.text in language.coordinators:
            return _is_clause(tail[2:], language)
        return _adds(source, start, len(source), language)
    if first.kind == "mark" and first.text in _BRACKETS:
        return first.text == "—" or _find(tail, 1, frozenset({")"})) == len(tail) - 1
    return first.text in language.coordinators and is_verb(second, language)


def head_may_go(source: Sequence[Token], end: int, language: Language) -> bool:
    """Whether the claim may begin with the token at `end`."""
    head = source[:end]
    if all(t.kind == "mark" or t.text in language.additions for t in head):
        return True
    if not language.code or restricts(head, language) or restricts(source[end : end + 1], language):
        return False
    if head[-1].text in _ENDS:
        return True
    if head[-1].text in language.coordinators and len(head) > 1 and head[-2].text in _COMMAS:
        return _is_clause(head[:-2], language) and _is_clause(source[end:], language)
    return False


def shared_subject_end(source: Sequence[Token], start: int, language: Language) -> int | None:
    """ "Tesla moved to Paris and worked there": the end of "moved to Paris and", so that
    Tesla worked there."""
    if not language.code or not is_verb(source[start], language):
        return None
    for end in range(start + 1, len(source) - 1):
        if source[end].text in language.coordinators and is_verb(source[end + 1], language):
            return None if restricts(source[start:end], language) else end + 1
    return None


def _is_clause(stretch: Sequence[Token], language: Language) -> bool:
    """Whether it can be a whole clause: holds a verb, and begins with no preposition."""
    if not stretch or stretch[0].text in language.prepositions:
        return False
    return any(is_verb(token, language) for token in stretch)


def _find(source: Sequence[Token], start: int, marks: frozenset[str]) -> int | None:
    """The first of them outside of brackets that open behind `start`."""
    depth = 0
    for n in range(start, len(source)):
        if source[n].kind != "mark":
            continue
        if not depth and source[n].text in marks:
            return n
        depth += {"(": 1, ")": -1}.get(source[n].text, 0)
        if depth < 0:
            return None
    return None
