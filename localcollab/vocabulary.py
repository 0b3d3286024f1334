"""Token strings, special ids and their fingerprint; whether two vocabularies are the same.

Compared by token strings, never by counts. The tokenizer itself belongs to the model file and
comes in as `encode` and `piece`; nothing here knows llama.cpp.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from localcollab.errors import UnknownCharacter, VocabularyMismatch

_ANCHORS = ("", "\n", ".")
"""Put before a text while it is encoded, so that SentencePiece treats it as a continuation."""
_BYTE_TOKEN = re.compile(r"<0x[0-9A-F]{2}>")


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

    @cached_property
    def pieces(self) -> tuple[bytes, ...]:
        """The bytes that each token writes, by id; empty for control tokens."""
        return tuple(map(self.piece, range(self.n_tokens)))

    def know_pieces(self, pieces: tuple[bytes, ...]) -> None:
        """What `pieces` would find, from where it was stored: a call for each takes time."""
        self.__dict__["pieces"] = pieces

    @cached_property
    def token_of(self) -> dict[bytes, int]:
        """The token that writes exactly these bytes. Of several the plain one, not a byte token."""
        found: dict[bytes, int] = {}
        for token, piece in enumerate(self.pieces):
            known = found.get(piece)
            if piece and (known is None or _BYTE_TOKEN.fullmatch(self.strings[known])):
                found[piece] = token
        return found

    @cached_property
    def longest_piece(self) -> int:
        """In bytes."""
        return max(map(len, self.pieces), default=0)

    def encode_bytes(self, data: bytes) -> list[int]:
        """Ids that write exactly `data`, in the middle of a sequence: those of `encode` for whole
        characters, as long as it keeps them, and the longest that fit for the rest.

        Raises `UnknownCharacter` where no token writes a byte.
        """
        tokens: list[int] = []
        for part in _stretches(data):
            tokens += self._encode_exactly(part)
        return tokens

    def _encode_exactly(self, data: bytes) -> list[int]:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return self._fit_longest(data)
        for anchor in _ANCHORS:
            try:
                before, tokens = self.encode(anchor), self.encode(anchor + text)
            except UnknownCharacter:
                continue
            if tokens[: len(before)] == before:
                tokens = tokens[len(before) :]
                if b"".join(map(self.piece, tokens)) == data:
                    return tokens
        # Some tokenizers drop or change what they cannot write, silently: line by line, then by pieces.
        lines = data.splitlines(keepends=True)
        if len(lines) > 1:
            return [token for line in lines for token in self._encode_exactly(line)]
        return self._fit_longest(data)

    def _fit_longest(self, data: bytes) -> list[int]:
        tokens, at = list[int](), 0
        while at < len(data):
            ends = range(min(len(data), at + self.longest_piece), at, -1)
            end = next((end for end in ends if data[at:end] in self.token_of), None)
            if end is None:
                raise UnknownCharacter(f"no token writes the byte {data[at]:#04x}")
            tokens.append(self.token_of[data[at:end]])
            at = end
        return tokens

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of whole characters; bytes that are not UTF-8 become U+FFFD."""
        return b"".join(self.piece(token) for token in tokens).decode("utf-8", "replace")


def _stretches(data: bytes) -> Iterator[bytes]:
    """`data` in parts that are whole characters, and parts that are none."""
    text = data.decode("utf-8", "surrogateescape")
    for found in re.finditer("[\udc80-\udcff]+|[^\udc80-\udcff]+", text):
        yield found[0].encode("utf-8", "surrogateescape")


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
