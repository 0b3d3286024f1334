"""Whether a claim follows from one sentence: it is that sentence with licensed edits and nothing
else.

Both are rows of tokens, and every token of the claim must be met, in order, by one of the source.
Between them only
what `asides` allows may be left out, and only articles and their like may be put in. So whatever
is dropped, swapped or
rebound by any other edit is noticed without knowing it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from localcollab.documents.checking import asides
from localcollab.documents.checking.inflection import is_form_with, is_same_word
from localcollab.documents.checking.language import Language
from localcollab.documents.checking.numbers import are_same
from localcollab.documents.checking.tokens import Token

Policy = Literal["clauses", "whole", "anything"]
"""What may be left out: asides and independent clauses; articles and links only; whatever
restricts nothing by itself.
The last two are for comparison (scripts/experiments/claims.py)."""
_MOST_TOKENS = 400
"""Of a sentence. Longer ones support nothing."""


@dataclass(frozen=True, slots=True)
class Setting:
    language: Language
    about: frozenset[str] = frozenset()
    """Names from the heading, which every sentence below it may be about."""
    policy: Policy = "clauses"


def follows(claim: Sequence[Token], source: Sequence[Token], setting: Setting) -> bool:
    """Whether `claim` is `source` with licensed edits."""
    if not claim or max(len(claim), len(source)) > _MOST_TOKENS:
        return False
    return any(
        _meets(claim, source, start, setting)
        for start in range(len(source))
        if may_begin(source, start, setting)
    )


def may_begin(source: Sequence[Token], start: int, setting: Setting) -> bool:
    if setting.policy == "anything":
        return not asides.restricts(source[:start], setting.language)
    if setting.policy == "whole":
        return start == 0
    return asides.head_may_go(source, start, setting.language)


def _meets(claim: Sequence[Token], source: Sequence[Token], start: int, setting: Setting) -> bool:
    """Whether the claim begins at `start` and gets to its end. Explores every licensed edit,
    each state once."""
    seen: set[tuple[int, int]] = set()
    states = [(0, start)]
    while states:
        state = states.pop()
        if state in seen:
            continue
        seen.add(state)
        at, by = state
        if at == len(claim) and _may_end(source, by, setting):
            return True
        states += _next_states(claim, source, at, by, setting)
    return False


def _may_end(source: Sequence[Token], by: int, setting: Setting) -> bool:
    if setting.policy == "anything":
        return not asides.restricts(source[by:], setting.language)
    if setting.policy == "whole":
        return all(token.kind == "mark" for token in source[by:])
    return asides.tail_may_go(source, by, setting.language)


def _next_states(
    claim: Sequence[Token], source: Sequence[Token], at: int, by: int, setting: Setting
) -> list[tuple[int, int]]:
    states: list[tuple[int, int]] = []
    language = setting.language
    if by < len(source):
        states += [(at, by + n) for n in _left_out(source, by, setting)]
        if at > 0:
            states += _asides(source, at, by, setting)
    if at < len(claim):
        if _may_be_put_in(claim, source, at, by, setting):
            states.append((at + 1, by))
        if by < len(source):
            states += [(at + a, by + b) for a, b in _met(claim, source, at, by, language)]
    return states


def _left_out(source: Sequence[Token], by: int, setting: Setting) -> list[int]:
    """How many tokens may be skipped here, by themselves."""
    token, language = source[by], setting.language
    if token.kind == "mark" or token.text in language.articles or token.text in language.additions:
        return [1]
    if (
        token.text == "that"
        and by
        and language.code == "en"
        and source[by - 1].text.startswith(language.speech)
    ):
        return [1]
    if setting.policy == "anything" and not language.restricts(token.text):
        return [1]
    return []


def _asides(source: Sequence[Token], at: int, by: int, setting: Setting) -> list[tuple[int, int]]:
    if setting.policy != "clauses":
        return []
    ends = (
        asides.aside_end(source, by, setting.language),
        asides.shared_subject_end(source, by, setting.language),
    )
    return [(at, end) for end in ends if end is not None]


def _met(
    claim: Sequence[Token], source: Sequence[Token], at: int, by: int, language: Language
) -> list[tuple[int, int]]:
    """(tokens of the claim, tokens of the source) that say the same here."""
    mine, theirs = claim[at], source[by]
    if is_same_token(mine, theirs, language):
        return [(1, 1)]
    if _is_copula_or_colon(mine, language) and _is_copula_or_colon(theirs, language):
        return [(1, 1)]
    if (
        mine.text == language.future
        and at + 1 < len(claim)
        and _is_scheduled(claim[at + 1], theirs, language)
    ):
        return [(2, 1)]
    if at + 1 < len(claim) and is_form_with(mine.text, claim[at + 1].text, theirs.text, language):
        return [(2, 1)]
    if (
        mine.text in language.articles
        and theirs.is_spelled
        and theirs.number
        and theirs.number.values == {1.0}
    ):
        return [(1, 1)]
    return []


def is_same_token(mine: Token, theirs: Token, language: Language) -> bool:
    if mine.kind != theirs.kind:
        return False
    if mine.kind == "number":
        assert mine.number is not None
        assert theirs.number is not None
        same_digits = (
            bool(mine.raw) and mine.raw == theirs.raw and mine.number.unit == theirs.number.unit
        )
        return same_digits or are_same(mine.number, theirs.number)
    if mine.kind == "date":
        return (bool(mine.date & theirs.date) and len(theirs.date) == 1) or mine.text == theirs.text
    if mine.kind == "time":
        return mine.minutes == theirs.minutes
    if mine.kind == "mark":
        return mine.text == theirs.text
    return is_same_word(mine.text, theirs.text, language)


def _is_scheduled(mine: Token, theirs: Token, language: Language) -> bool:
    """ "costs" = "will cost"."""
    return mine.text in language.scheduled and theirs.text == mine.text + "s"


def _is_copula_or_colon(token: Token, language: Language) -> bool:
    """ "Dose: 60 mg" says what "the dose is 60 mg" says."""
    return token.text == ":" or (
        bool(language.copulas) and token.kind == "word" and token.text in language.copulas[0]
    )


def _may_be_put_in(
    claim: Sequence[Token], source: Sequence[Token], at: int, by: int, setting: Setting
) -> bool:
    """Whether the claim's token may stand there without one of the source."""
    token, language = claim[at], setting.language
    if token.kind == "mark":
        return token.text != ":"
    if token.text in language.articles:
        return True
    following = claim[at + 1] if at + 1 < len(claim) else None
    if following is None:
        return False
    if token.text in language.measures:
        is_number = at + 2 < len(claim) and claim[at + 2].kind == "number"
        return following.text in language.copulas[0] and is_number
    return _is_about(claim, source, at, by, setting)


def _is_about(
    claim: Sequence[Token], source: Sequence[Token], at: int, by: int, setting: Setting
) -> bool:
    """A name of the heading before the verb: "The Gozovir dose is 60 mg" under the heading
    "Gozovir"."""
    language = setting.language
    if not setting.about or any(_is_copula_or_colon(token, language) for token in source[:by]):
        return False
    if not any(_is_copula_or_colon(token, language) for token in source):
        return False
    if any(token.is_capital and token.text not in setting.about for token in source[1:]):
        return False
    if claim[at].text in setting.about:
        return True
    return claim[at].text == "of" and claim[at + 1].text in setting.about
