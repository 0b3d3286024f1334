"""Small made-up tables: hidden states that say which member knows the token."""

import numpy as np

from localcollab_convert.export.likelihood import FLOOR, TokenTable


def make_table(n: int, *, n_experts: int = 2, n_embd: int = 6, seed: int = 0) -> TokenTable:
    """Hidden column k is large where member k gives the gold token most probability."""
    rng = np.random.default_rng(seed)
    knows = rng.integers(0, n_experts + 1, n)
    hidden = rng.normal(size=(n, n_embd)) * 0.5 + 3.0
    hidden[np.arange(n), knows] += 2.0
    logprobs = rng.uniform(-6, -2, (n, n_experts + 1))
    logprobs[np.arange(n), knows] = -0.1
    logprobs[0, -1] = FLOOR
    is_argmax = np.zeros((n, n_experts + 1), bool)
    is_argmax[np.arange(n), knows] = True
    return TokenTable(hidden.astype(np.float16), logprobs.astype(np.float32), is_argmax)
