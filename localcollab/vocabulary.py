"""Token strings, special ids and their fingerprint; whether two vocabularies are the same.

Compared by token strings, never by counts. The tokenizer itself belongs to the model file and
comes in as `encode` and `piece`; nothing here knows llama.cpp.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from localcollab.errors import VocabularyMismatch


class Encode(Protocol):
    def __call__(self, text: str, *, special: bool = False, bos: bool = False) -> list[int]:
        """Text -> ids. `special`: special-token strings in the text become their ids. `bos`: add
        what the model expects at the start of a sequence. Raises `UnknownCharacter`."""
        ...


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of one model file; two with equal fingerprints are the same."""

    strings: tuple[str, ...]
    """Token strings as the file spells them, by id."""
    control: frozenset[int]
    """Ids that are never text: roles, ends, padding."""
    end: frozenset[int]
    """Ids that end a generation."""
    bos: int | None
    eos: int | None
    adds_bos: bool
    encode: Encode
    piece: Callable[[int], bytes]
    """The UTF-8 bytes one token writes, possibly a part of a character; empty for control."""

    @property
    def n_tokens(self) -> int:
        return len(self.strings)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over the token strings in order, and which of them are control tokens."""
        digest = hashlib.sha256()
        for token, string in enumerate(self.strings):
            mark = b"\x01" if token in self.control else b"\x00"
            digest.update(mark + string.encode("utf-8", "surrogateescape") + b"\x00")
        return digest.hexdigest()

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of whole characters; bytes that are not UTF-8 become U+FFFD."""
        return b"".join(self.piece(token) for token in tokens).decode("utf-8", "replace")


def differences(one: Vocabulary, other: Vocabulary) -> list[int]:
    """Ids below both sizes whose strings differ."""
    pairs = zip(one.strings, other.strings, strict=False)
    return [token for token, (a, b) in enumerate(pairs) if a != b]


def require_same(name: str, one: Vocabulary, other_name: str, other: Vocabulary) -> None:
    """Raises `VocabularyMismatch`, with numbers."""
    if one is other or one.strings == other.strings:
        return
    n_differ = len(differences(one, other))
    raise VocabularyMismatch(
        f"{other_name!r} has {other.n_tokens} tokens, {name!r} {one.n_tokens}, and {n_differ} of "
        "the shared ids differ: a team needs one vocabulary; choose models of one family"
    )
