"""A vocabulary of bytes, words and special tokens, with SentencePiece's habits on request."""

import re
from collections.abc import Sequence

from localcollab.vocabulary import Vocabulary

SPECIALS = ["<s>", "</s>", "<|im_start|>", "<|im_end|>"]
WORDS = [
    "Hel",
    "lo",
    "Hello",
    " Hello",
    "\n\n",
    "\n",
    "<think>",
    "</think>",
    "  ",
    "user",
    ".",
    "assistant",
]
BOS, END = 256, 259
"""Ids 0-255 are bytes, then SPECIALS, then WORDS."""


def toy_vocabulary(*, adds_bos: bool = False, adds_space: bool = False) -> Vocabulary:
    """Longest match first. `adds_space`: before what follows a special token, as SentencePiece."""
    strings = (*(f"<0x{byte:02X}>" for byte in range(256)), *SPECIALS, *WORDS)
    ids = {bytes([byte]): byte for byte in range(256)}
    ids |= {word.encode(): 260 + n for n, word in enumerate(WORDS)}

    def encode_part(part: str, special: bool) -> list[int]:
        if special and part in SPECIALS:
            return [256 + SPECIALS.index(part)]
        data, tokens = (" " * adds_space + part if part else "").encode(), []
        while data:
            n = max(n for n in range(1, 10) if data[:n] in ids)
            tokens.append(ids[data[:n]])
            data = data[n:]
        return tokens

    def encode(text: str, *, special: bool = False, bos: bool = False) -> list[int]:
        pattern = f"({'|'.join(map(re.escape, SPECIALS))})"
        parts = re.split(pattern, text) if special else [text]
        start = [BOS] if bos and adds_bos else []
        return start + [token for part in parts for token in encode_part(part, special)]

    def piece(token: int) -> bytes:
        return (
            bytes([token]) if token < 256 else b"" if token < 260 else WORDS[token - 260].encode()
        )

    return Vocabulary(
        strings, frozenset(range(256, 260)), frozenset({END}), BOS, END, adds_bos, encode, piece
    )


def written(vocabulary: Vocabulary, tokens: Sequence[int]) -> str:
    """What a template would have written: control tokens by name."""
    pieces = [
        vocabulary.strings[token].encode()
        if token in vocabulary.control
        else vocabulary.piece(token)
        for token in tokens
    ]
    return b"".join(pieces).decode("utf-8", "replace")
