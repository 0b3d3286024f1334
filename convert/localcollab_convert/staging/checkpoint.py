"""What a training goes on with where it was stopped, read again. Each training knows what it keeps."""

import pickle
from pathlib import Path
from typing import Any

import torch

from localcollab.errors import BadOption


def load_checkpoint(path: Path, device: torch.device | None = None) -> dict[str, Any]:
    """`device`: where the tensors go; None: where they were. Raises `BadOption` for a damaged one."""
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location=device)
    except (
        OSError, EOFError, RuntimeError, ValueError, KeyError, pickle.UnpicklingError
    ) as error:  # fmt: skip
        raise BadOption(
            f"{path}: a damaged checkpoint ({type(error).__name__}): delete it, and the training begins "
            "anew"
        ) from error
    return state
