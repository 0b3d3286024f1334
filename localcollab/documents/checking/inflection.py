"""Whether two words differ in number or case only. Tense is never inflection: "cost" of the past
is not "costs"."""

import re

from localcollab.documents.checking.language import Language

_UNCHANGED_PASTS = frozenset(
    [
        "cost",
        "put",
        "set",
        "cut",
        "hit",
        "let",
        "read",
        "shut",
        "spread",
        "hurt",
        "quit",
        "split",
        "cast",
        "bid",
    ]
)
"""Their present and past differ in the s alone."""


_AMERICAN = {"our": "or", "is": "iz", "isation": "ization"}
_BRITISH = re.compile(r"(?<=[a-z]{3})(our|isation|is)(s|e|ed|es|ing|)$")
_NOT_BRITISH = (
    "is",
    "hour",
    "hours",
    "four",
    "rise",
    "rises",
    "raise",
    "raised",
    "promise",
    "promised",
)
"""Endings that are spelled in one way."""


def is_same_word(one: str, other: str, language: Language) -> bool:
    """Both folded."""
    if language.code == "en":
        one, other = _american(one), _american(other)
    if one == other:
        return True
    if (one, other) in language.irregular or (other, one) in language.irregular:
        return True
    if any({one, other} <= forms for forms in language.copulas):
        return True
    if min(len(one), len(other)) < language.least_inflected or one[0] != other[0]:
        return False
    if one in language.restrictions or other in language.restrictions:
        return False
    if language.code == "en" and (one in _UNCHANGED_PASTS or other in _UNCHANGED_PASTS):
        return False
    return any(
        _differs(one, other, *endings) or _differs(other, one, *endings)
        for endings in language.plurals
    )


def _american(word: str) -> str:
    """British spellings as American ones: "colour", "organisation", "organised"."""
    if len(word) < 6 or word.endswith(_NOT_BRITISH):
        return word
    return _BRITISH.sub(lambda found: _AMERICAN[found[1]] + found[2], word)


def _differs(one: str, other: str, ending: str, other_ending: str) -> bool:
    if not one.endswith(ending) or not other.endswith(other_ending) or one.endswith("ss"):
        return False
    return one[: len(one) - len(ending)] == other[: len(other) - len(other_ending)]


def is_form_with(auxiliary: str, base: str, form: str, language: Language) -> bool:
    """Whether "did sign" is "signed", "does sign" is "signs", "do sign" is "sign"."""
    if auxiliary == "did":
        return (base, form) in language.irregular_pasts or form in _regular_pasts(base)
    if auxiliary == "does":
        return form in (base + "s", base + "es") or (
            base.endswith("y") and form == base[:-1] + "ies"
        )
    return auxiliary == "do" and form == base


def _regular_pasts(base: str) -> tuple[str, ...]:
    if base.endswith("e"):
        return (base + "d",)
    if base.endswith("y"):
        return (base + "ed", base[:-1] + "ied")
    return base + "ed", base + base[-1:] + "ed"
