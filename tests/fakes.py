"""A toy vocabulary of bytes and a scripted model on it: logic without weights."""

from collections.abc import Sequence

import numpy as np

from localcollab.decoding.controller import Speculation
from localcollab.decoding.speculation import Draft
from localcollab.language_model import OnChunk, Reading
from localcollab.vocabulary import Vocabulary

END = 256
N_VOCAB = 257


def encode_bytes(text: str, *, special: bool = False, bos: bool = False) -> list[int]:
    return list(text.encode())


def fixed(draft: Draft, depth: int) -> Speculation:
    """Always proposes what the draft says, so many tokens, and nothing else."""
    return Speculation(draft.model, draft=draft, looks_up=False, depth=depth)


def byte_vocabulary() -> Vocabulary:
    """Token i is byte i; token 256 ends."""
    return Vocabulary(
        strings=(*(f"<0x{b:02X}>" for b in range(256)), "<end>"),
        control=frozenset({END}),
        end=frozenset({END}),
        bos=None,
        eos=END,
        adds_bos=False,
        encode=encode_bytes,
        piece=lambda token: bytes([token]) if token < 256 else b"",
    )


class ScriptedModel:
    """After a prompt of `n_prompt` tokens wants `script`, token by token, with `p` on each.

    `reads` records what was asked: (length of the sequence, last).
    """

    def __init__(
        self, script: Sequence[int], *, n_prompt: int = 1, name: str = "base", p: float = 0.9,
        n_ctx: int = 512,
    ) -> None:  # fmt: skip
        self.script, self.n_prompt, self.name, self.p = list(script), n_prompt, name, p
        self.vocabulary, self.n_embd, self.n_ctx = byte_vocabulary(), 4, n_ctx
        self.reads: list[tuple[int, int]] = []

    def read(
        self, tokens: Sequence[int], *, last: int = 1, hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:  # fmt: skip
        self.reads.append((len(tokens), last))
        if on_chunk:
            on_chunk(last, last)
        rows = [self._row(n) for n in range(len(tokens) - last + 1, len(tokens) + 1)]
        logits = np.array(rows, np.float32).reshape(last, N_VOCAB)
        states = np.tile(np.arange(4, dtype=np.float32), (last, 1)) if hidden else None
        return Reading(logits, states)

    def attribute(self, reading: Reading, token: int) -> str:
        return self.name

    def _row(self, n_tokens: int) -> np.ndarray:
        row = np.full(N_VOCAB, np.log((1 - self.p) / (N_VOCAB - 1)))
        position = n_tokens - self.n_prompt
        wanted = self.script[position] if 0 <= position < len(self.script) else END
        row[wanted] = np.log(self.p)
        return row
