"""Names that a document makes equal: "Acme Pumps Ltd (hereinafter the Supplier)", "World Health
Organization (WHO)"."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_WORD = r"[^\W\d_a-z][\w&-]*(?:\.[\w&-]+)*"
_NAME = rf"{_WORD}(?:\s+(?:of|the|and|für|de|del|di|des|du|&|{_WORD}))*"
_DEFINED = re.compile(
    rf"(?P<long>{_NAME})\s*\((?:(?:hereinafter|hereafter|in the following|nachfolgend|"
    rf"im Folgenden|en adelante|ci-après|"
    r"di seguito)\s*(?:referred to as|called|genannt|"
    r"denominad[oa])?,?\s*)?[\"'“„«]?\s*(?:the|der|die|das|el|la|le|il)?\s*"
    r"(?P<short>[^\W\d_a-z][\w-]*)\s*[\"'”“»]?(?:\s*genannt)?\)"
)
_LONGEST = 8
"""Words of a name."""


class Alias(NamedTuple):
    long: str
    short: str


def aliases(text: str) -> tuple[Alias, ...]:
    """In the order of their definitions; of one name, the first."""
    return tuple({found.long: found for found in reversed(list(_defined(text)))}.values())


def with_short_names(text: str, known: Sequence[Alias]) -> str:
    """`text` with every long name as its short one."""
    for alias in known:
        either = f"(?:{re.escape(alias.long)}|{re.escape(alias.short)})"
        text = re.sub(
            rf"(?<!\w)(?:(?:[Tt]he|[Dd]er|[Dd]ie|[Dd]as|[Ee]l|[Ll]a|[Ll]e|"
            rf"[Ii]l)\s+)?{either}(?!\w)",
            alias.short,
            text,
        )
    return text


def _defined(text: str) -> Iterator[Alias]:
    for found in _DEFINED.finditer(text):
        words = found["long"].split()
        short = found["short"]
        if re.match(r"\(\s*[\"'“„«]?\s*[A-Z]", found[0][found[0].index("(") :]) and not found[
            0
        ].count("herein"):
            is_explained = any(mark in found[0] for mark in '"“„«')
            # Brackets alone: only initials make an abbreviation; "Paris (France)" defines nothing.
            words = _spelled_by(words, short) if not is_explained else words
        words = [*words]
        while words and words[0].casefold() in ("the", "der", "die", "das", "el", "la", "le", "il"):
            words = words[1:]
        if words and len(words) <= _LONGEST and " ".join(words) != short:
            yield Alias(" ".join(words), short)


def _spelled_by(words: Sequence[str], short: str) -> list[str]:
    """The last words, whose initials are `short`; none if they are not."""
    for n in range(len(words)):
        initials = "".join(word[0] for word in words[n:] if word[0].isupper())
        if len(short) > 1 and initials == short.upper() == short:
            return list(words[n:])
    return []
