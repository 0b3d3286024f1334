"""What it costs to see one model through another's vocabulary, without evaluating either.

`python scripts/experiments/stranger_cost.py --base SMOLLM2.gguf --inner GEMMA.gguf`

Printed, in CPU time: seconds to start the pair beyond reading the two vocabularies, for the first time
and again (pieces and spellings are kept in the cache folder; a temporary one is used here); milliseconds
a token of an English text for everything that is not llama.cpp: the text as inner's tokens, the softmax
of inner's row, and its probabilities at the base's tokens, word by word (`translated`) and for arithmetic
on logits (`lifted`); and of these the mapping of one row alone. Inner's rows are made up, with a few
likely tokens each.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from localcollab.language_model import LanguageModel, OnChunk, Reading
from localcollab.llama.tokenizer import load_vocabulary
from localcollab.methods.gates import always
from localcollab.methods.vocabulary_map import in_vocabulary, over_tokens_of_first
from localcollab.methods.word_team import WordTeam
from localcollab.vocabularies.translated import TranslatedModel, summed
from localcollab.vocabulary import Vocabulary

TEXT = (
    "The river rises in the mountains of the north, and runs for three hundred kilometres through "
    "forests and old towns before it reaches the sea. Its hydrology was described in 1887."
)


class MadeUp:
    """Rows of a random model: a few tokens have most of the probability."""

    n_embd, n_ctx = 1, 4096

    def __init__(self, vocabulary: Vocabulary, name: str) -> None:
        self.vocabulary, self.name = vocabulary, name
        rng = np.random.default_rng(0)
        rows = rng.normal(0, 2, (8, vocabulary.n_tokens)).astype(np.float32)
        rows[:, rng.integers(0, vocabulary.n_tokens, 20)] += 12
        self._rows = rows
        self.seconds = 0.0
        """Of making rows: no part of the cost."""

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:
        started = time.process_time()
        rows = self._rows[[n % 8 for n in range(len(tokens) - last, len(tokens))]]
        self.seconds += time.process_time() - started
        return Reading(rows)

    def attribute(self, reading: Reading, token: int) -> str:
        return self.name


def start(base: Path, inner: Path) -> tuple[float, MadeUp, LanguageModel]:
    """(seconds beyond the vocabularies, the base, inner through it)."""
    models = [MadeUp(load_vocabulary(path), name) for path, name in ((base, "base"), (inner, "in"))]
    started = time.process_time()
    stranger = in_vocabulary(models[1], models[0].vocabulary)
    WordTeam("t", models[0], [stranger], always(1))
    return time.process_time() - started, models[0], stranger


def milliseconds(read: Callable[[list[int]], object], tokens: list[int], inner: MadeUp) -> float:
    """The median of the tokens of a text, after one that fills what is made once."""
    for _ in range(2):
        found = list[float]()
        for n in range(8, len(tokens) + 1):
            before, started = inner.seconds, time.process_time()
            read(tokens[:n])
            found.append(time.process_time() - started - (inner.seconds - before))
    return 1000 * statistics.median(found)


def mapping(stranger: LanguageModel) -> float:
    """Milliseconds: a row of inner's probabilities to the base's ids."""
    assert isinstance(stranger, TranslatedModel)
    spelling, found = stranger.spelling, list[float]()
    p = np.full(stranger.inner.vocabulary.n_tokens, 1e-6, np.float32)
    for _ in range(30):
        started = time.process_time()
        summed(spelling.first, p, spelling.n_outer + 1)
        found.append(time.process_time() - started)
    return 1000 * statistics.median(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name in ("base", "inner"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        print(f"first start: {start(given.base, given.inner)[0]:.2f} s", flush=True)
        seconds, base, stranger = start(given.base, given.inner)
        print(f"second start: {seconds:.2f} s", flush=True)
        print(f"mapping of one row: {mapping(stranger):.2f} ms", flush=True)
        tokens = base.vocabulary.encode(TEXT)
        for name, model in (
            ("word by word", stranger),
            ("for arithmetic", over_tokens_of_first([base, stranger])[1]),
        ):
            assert isinstance(model, TranslatedModel)
            inner = model.inner
            assert isinstance(inner, MadeUp)
            print(f"{name}: {milliseconds(model.read, tokens, inner):.2f} ms a token", flush=True)


if __name__ == "__main__":
    main()
