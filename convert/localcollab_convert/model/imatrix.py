"""`convert imatrix`: which input columns of each weight matter, collected on a text."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from localcollab.errors import BadData, BadModelFile
from localcollab.llama.importance import Importance
from localcollab.llama.options import Options
from localcollab.llama.probe import probe
from localcollab.llama.weights import load_weights
from localcollab_convert.model.imatrix_file import Imatrix, save_imatrix
from localcollab_convert.staging.outputs import require_writable
from localcollab_convert.verify.verify import windows_of

WINDOW, N_TOKENS = 512, 2**17
_FEWEST = 16

OnProgress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Collected:
    path: Path
    n_weights: int
    n_tokens: int


def collect(path: Path, text: Path, out: Path, n_tokens: int, on_progress: OnProgress) -> Collected:
    """Raises `BadModelFile`, `BadData`, `BadOption`."""
    require_writable(out)
    verdict = probe(path, on_progress)
    # Repacked weights are multiplied by other nodes, whose sources are no plain F32 rows.
    weights = load_weights(Path(verdict.path), Options(extra_buffers=False), extra_buffers=False)
    window = min(WINDOW, weights.n_ctx_train)
    windows = windows_of(text, weights.vocabulary, window, n_tokens)
    whole = [tokens for tokens in windows if len(tokens) >= _FEWEST]
    if not whole:
        raise BadData(f"{text}: holds fewer than {_FEWEST} tokens: give a longer text")
    importance = Importance(weights, window)
    try:
        for n, tokens in enumerate(whole):
            on_progress(f"reading {text.name}: {n} of {len(whole)} windows")
            importance.read(tokens)
    finally:
        importance.close()
    if not all(np.isfinite(sums).all() for sums in importance.sums.values()):
        raise BadModelFile(f"{path}: gives values that are no numbers: fetch it again")
    imatrix = Imatrix(
        {name: sums.astype(np.float32) for name, sums in importance.sums.items()},
        {name: counts.astype(np.float32) for name, counts in importance.counts.items()},
        (os.fspath(text.name),), len(whole), window,
    )  # fmt: skip
    save_imatrix(imatrix, out)
    return Collected(out, len(imatrix.sums), sum(map(len, whole)))
