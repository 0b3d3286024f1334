"""GGUF files in PyTorch, frozen, and a check that PyTorch makes of them what llama.cpp does."""

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from localcollab.errors import BadModelFile, BadOption
from localcollab.language_model import LanguageModel
from localcollab.llama.machine import available_bytes

_LEAST_CORRELATION = 0.98
"""Of the logits; quantized activations of llama.cpp leave 0.99 of small models, a misread file 0.5."""


def load_frozen(path: Path, n_parameters: int, device: torch.device) -> Any:
    """The file's model in F32. Raises `BadOption` where it does not fit, `BadModelFile`."""
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    free = available_bytes()
    if device.type == "cpu" and free is not None and n_parameters * 5 > free:
        raise BadOption(
            f"{path}: in F32 it takes {n_parameters * 4 / 2**30:.1f} GiB and {free / 2**30:.1f} are "
            "free: compose smaller models, or train on a machine with more memory"
        )
    logging.set_verbosity_error()
    try:
        # Its bars would stand in the way of ours, and some cannot be switched off.
        with contextlib.redirect_stderr(io.StringIO()):
            model = AutoModelForCausalLM.from_pretrained(
                str(path.parent), gguf_file=path.name, dtype=torch.float32, local_files_only=True
            )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, NotImplementedError) as error:
        raise BadModelFile(
            f"{path}: transformers cannot load it ({' '.join(str(error).split())[:200]}): compose "
            "models of a kind it reads from GGUF, as Llama, Qwen2, Qwen3 or Mistral"
        ) from error
    if not hasattr(model, "model") or not hasattr(model.model, "layers"):
        raise BadModelFile(
            f"{path}: {type(model).__name__} has no row of layers as Llama has: compose others"
        )
    return model.eval().requires_grad_(False).to(device)


@torch.no_grad()
def require_same_logits(
    path: Path, model: Any, runtime: LanguageModel, tokens: Sequence[int]
) -> None:
    """Raises `BadModelFile` where PyTorch and llama.cpp disagree about what the file says."""
    ids = torch.tensor([list(tokens)], device=next(model.parameters()).device)
    theirs = model(ids).logits[0].float().cpu().numpy()
    ours = runtime.read(tokens, last=len(tokens)).logits
    found = float(np.corrcoef(ours.ravel(), theirs[:, : ours.shape[1]].ravel())[0, 1])
    if not found >= _LEAST_CORRELATION:
        raise BadModelFile(
            f"{path}: transformers reads it otherwise than llama.cpp (their logits correlate by "
            f"{found:.2f}): a bridge trained on it would not fit; use another file or kind of model"
        )
