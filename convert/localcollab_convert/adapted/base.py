"""A base's GGUF file as a frozen PyTorch model, dequantized by transformers."""

import contextlib
import io
import os
import warnings
from pathlib import Path
from typing import Any

import torch

from localcollab.errors import BadModelFile

_STORED = torch.bfloat16
"""Of frozen matrices: a quarter of the precision is no less than a 4-bit file has."""


def pick_device() -> torch.device:
    """CUDA or Metal where PyTorch has them."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def load_base(path: Path, device: torch.device) -> Any:
    """A causal language model of transformers without gradients. Raises `BadModelFile`."""
    # Whatever is missing in the file would be looked for on the hub.
    os.environ["HF_HUB_OFFLINE"] = "1"
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        # Its own progress bar: ours is shown.
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            model = AutoModelForCausalLM.from_pretrained(
                path.parent, gguf_file=path.name, dtype=torch.float32, local_files_only=True
            )
    except (OSError, ValueError, KeyError, RuntimeError, NotImplementedError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BadModelFile(
            f"{path}: transformers cannot read this model into PyTorch ({type(error).__name__}: "
            f"{reason}): use another base, or `from_scratch`"
        ) from error
    model.requires_grad_(False)
    for module in model.modules():
        if isinstance(module, (torch.nn.Linear, torch.nn.Embedding)):
            module.to(_STORED)
    return model.to(device).eval()
