"""Collects an importance matrix: how much each input column of each weight matters, on a text."""

from pathlib import Path

import numpy as np

from localcollab.errors import BadData, BadModelFile
from localcollab.llama.importance import Importance
from localcollab.llama.options import Options
from localcollab.llama.probe import probe
from localcollab.llama.weights import load_weights
from localcollab.progress import Counted, OnProgress
from localcollab_convert.imatrix.file import Imatrix, save_imatrix
from localcollab_convert.imatrix.request import MIN_TOKENS, ImatrixRequest, ImatrixResult
from localcollab_convert.staging.outputs import require_writable
from localcollab_convert.verify.readers import windows_of

_WINDOW = 512


def make_imatrix(request: ImatrixRequest, on_progress: OnProgress) -> ImatrixResult:
    """Raises `BadModelFile`, `BadData`, `BadOption`."""
    path, text = request.path, request.text
    require_writable(request.out)
    verdict = probe(path, on_progress)
    # Repacked weights are multiplied by other graph nodes, whose inputs are not plain F32 rows.
    weights = load_weights(Path(verdict.path), Options(extra_buffers=False), extra_buffers=False)
    length = min(_WINDOW, weights.n_ctx_train)
    windows = [
        tokens
        for tokens in windows_of(text, weights.vocabulary, length, request.n_tokens)
        if len(tokens) >= MIN_TOKENS
    ]
    if not windows:
        raise BadData(f"{text}: has fewer than {MIN_TOKENS} tokens: give a longer text")
    importance = Importance(weights, length)
    try:
        for n, tokens in enumerate(windows):
            on_progress(Counted(f"reading {text.name}", n, len(windows), "windows"))
            importance.read(tokens)
    finally:
        importance.close()
    if not all(np.isfinite(sums).all() for sums in importance.sums.values()):
        raise BadModelFile(f"{path}: produces NaN or infinite values: download it again")
    imatrix = Imatrix(
        {name: sums.astype(np.float32) for name, sums in importance.sums.items()},
        {name: counts.astype(np.float32) for name, counts in importance.counts.items()},
        (text.name,), len(windows), length,
    )  # fmt: skip
    save_imatrix(imatrix, request.out)
    return ImatrixResult(request.out, len(imatrix.sums), sum(map(len, windows)))
