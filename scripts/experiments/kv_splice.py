"""Passages read before: their states spliced into a prompt, against reading all at once.

Each passage is read once behind the system text, and its keys and values are kept. At question time some
of its tokens are read again, so that they attend to the passages before, and the rest is moved to its
place (`llama_memory_seq_add`): the first of each (EPIC's link tokens, arXiv:2410.15332), or all of the
last passages, which stand next to the question. KL of the next token, in nats, along the greedy answer of
the whole reading; CPU time of both. Models with a sliding window or a recurrent state cannot move theirs.

    python scripts/experiments/kv_splice.py MODEL.gguf [--text FILE ...] [--sets 8] [--passages 4]
"""

import argparse
import ctypes
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from localcollab.language_model import log_softmax
from localcollab.llama.bindings import api
from localcollab.llama.options import Options
from localcollab.llama.probe import probe
from localcollab.llama.weights import Weights, load_weights

N_TOKENS, N_ANSWER, N_CTX = 160, 32, 2048
SYSTEM = "<|im_start|>system\nAnswer from the passages.<|im_end|>\n<|im_start|>user\n"
ASK = "\nQuestion: What do these passages say, in one sentence?<|im_end|>\n<|im_start|>assistant\n"


def ways(n: int) -> dict[str, tuple[int, ...]]:
    """How many tokens of each of `n` passages are read again."""
    return {
        **{f"first {k}": (k,) * n for k in (0, 16, 64, N_TOKENS)},
        **{f"last {m} whole": (0,) * (n - m) + (N_TOKENS,) * m for m in (1, 2, 3)},
        **{f"first {k}, last whole": (k,) * (n - 1) + (N_TOKENS,) for k in (16, 32)},
    }


@dataclass(frozen=True)
class Passages:
    system: list[int]
    texts: list[list[int]]
    question: list[int]

    @property
    def whole(self) -> list[int]:
        return [*self.system, *itertools.chain(*self.texts), *self.question]


class Reader:
    """One context with a sequence for the prompt and one for each passage."""

    def __init__(self, weights: Weights, n_passages: int) -> None:
        self._weights = weights
        self._n_vocab = weights.vocabulary.n_tokens
        params = api.llama_context_default_params()
        params.n_ctx = params.n_batch = N_CTX
        params.n_ubatch, params.n_seq_max, params.kv_unified = 512, n_passages + 1, True
        params.n_threads = params.n_threads_batch = 1
        self._context = api.llama_init_from_model(weights.pointer, params)
        self._memory = api.llama_get_memory(self._context)

    def clear(self) -> None:
        api.llama_memory_clear(self._memory, True)

    def read(self, tokens: Sequence[int], at: int, *, last: int = 0) -> np.ndarray:
        """Logits of the `last` positions, (last, n_vocab)."""
        batch = api.llama_batch_init(len(tokens), 0, 1)
        batch.n_tokens = n = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.n_seq_id[i] = token, at + i, 1
            batch.seq_id[i][0], batch.logits[i] = 0, i >= n - last
        assert api.llama_decode(self._context, batch) == 0
        rows = [
            np.ctypeslib.as_array(
                api.llama_get_logits_ith(self._context, i), (self._n_vocab,)
            ).copy()
            for i in range(n - last, n)
        ]
        api.llama_batch_free(batch)
        return np.array(rows)

    def rewind(self, n: int) -> None:
        api.llama_memory_seq_rm(self._memory, 0, n, -1)

    def state(self) -> bytearray:
        n = api.llama_state_seq_get_size(self._context, 0)
        data = bytearray(n)
        api.llama_state_seq_get_data(self._context, (ctypes.c_uint8 * n).from_buffer(data), n, 0)
        return data

    def splice(self, data: bytearray, sequence: int, first: int, to: int) -> None:
        """Positions from `first` on of a state, moved to `to` and appended to the prompt."""
        source = (ctypes.c_uint8 * len(data)).from_buffer(data)
        assert api.llama_state_seq_set_data(self._context, source, len(data), sequence)
        api.llama_memory_seq_rm(self._memory, sequence, 0, first)
        api.llama_memory_seq_add(self._memory, sequence, first, -1, to - first)
        api.llama_memory_seq_cp(self._memory, sequence, 0, -1, -1)
        api.llama_memory_seq_rm(self._memory, sequence, -1, -1)


def passages_of(
    weights: Weights, texts: Sequence[Path], n_sets: int, n_passages: int
) -> Iterator[Passages]:
    vocabulary = weights.vocabulary
    system = vocabulary.encode(SYSTEM, special=True)
    question = vocabulary.encode(ASK, special=True)
    ids = vocabulary.encode("\n".join(path.read_text(encoding="utf-8") for path in texts)[:200_000])
    rng = np.random.default_rng(0)
    for _ in range(n_sets):
        starts = rng.integers(0, len(ids) - N_TOKENS, n_passages)
        yield Passages(system, [ids[at : at + N_TOKENS] for at in starts], question)


def along(reader: Reader, first: np.ndarray, n: int, answer: Sequence[int]) -> np.ndarray:
    """Logprobs before each token of the answer, of which the first are known."""
    rows = reader.read(answer[:-1], n, last=len(answer) - 1)
    reader.rewind(n)
    return log_softmax(np.concatenate([first, rows]).astype(np.float32))


def measure(reader: Reader, found: Passages) -> Iterator[tuple[float, float, float]]:
    """By way: mean KL, share of equal first choices, CPU time / reading all at once."""
    whole, n = found.whole, len(found.whole)
    reader.clear()
    started = time.process_time()
    first = reader.read(whole, 0, last=1)
    seconds = time.process_time() - started
    answer = [int(first[0].argmax())]
    for i in range(N_ANSWER - 1):
        answer.append(int(reader.read(answer[-1:], n + i, last=1)[0].argmax()))
    reader.rewind(n)
    expected = along(reader, first, n, answer)
    states = []
    for text in found.texts:
        reader.clear()
        reader.read([*found.system, *text], 0)
        states.append(reader.state())
    for again in ways(len(states)).values():
        reader.clear()
        started = time.process_time()
        reader.read(found.system, 0)
        at = len(found.system)
        for sequence, (text, data, k) in enumerate(zip(found.texts, states, again, strict=True), 1):
            if k:
                reader.read(text[:k], at)
            if k < len(text):
                reader.splice(data, sequence, len(found.system) + k, at + k)
            at += len(text)
        spliced = reader.read(found.question, at, last=1)
        taken = time.process_time() - started
        got = along(reader, spliced, n, answer)
        kl = float((np.exp(expected) * (expected - got)).sum(-1).mean())
        yield kl, float((expected.argmax(-1) == got.argmax(-1)).mean()), taken / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--text", type=Path, nargs="+", default=sorted(Path("docs").glob("*.md")))
    parser.add_argument("--sets", type=int, default=8)
    parser.add_argument("--passages", type=int, default=4)
    given = parser.parse_args()
    verdict = probe(given.model)
    weights = load_weights(given.model, Options(), extra_buffers=verdict.extra_buffers)
    reader = Reader(weights, given.passages)
    rows = [
        list(measure(reader, found))
        for found in passages_of(weights, given.text, given.sets, given.passages)
    ]
    print(f"{given.passages} passages of {N_TOKENS} tokens, {given.sets} sets, {given.model.name}")
    print("read again            share     KL  same top  time")
    for (name, again), of_way in zip(
        ways(given.passages).items(), zip(*rows, strict=True), strict=True
    ):
        kl, same, taken = np.mean(np.array(of_way), axis=0)
        share = sum(again) / (given.passages * N_TOKENS)
        print(f"{name:20}  {share:5.2f}  {kl:5.3f}  {same:8.2f}  {taken:.2f}")


if __name__ == "__main__":
    main()
