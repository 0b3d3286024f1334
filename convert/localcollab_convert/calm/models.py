"""The models of a bridge: found by name, loaded from GGUF into PyTorch, compared with llama.cpp."""

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from localcollab.catalog import Catalog, load_catalog
from localcollab.errors import BadModelFile, BadOption
from localcollab.language_model import LanguageModel
from localcollab.llama.machine import available_bytes
from localcollab.teams.plan import Member

_MIN_CORRELATION = 0.98
"""Of the logits. Quantized activations of llama.cpp reach 0.99 on small models, a misread file 0.5."""


def find_members(names: Sequence[str], catalogs: Sequence[Path] = ()) -> tuple[Member, ...]:
    """Files, or models of the catalogue. Raises `BadCatalog`."""
    # The catalogue is read only if a name needs it.
    known = None if all(Path(name).exists() for name in names) else load_catalog(*catalogs)
    return tuple(_member(name, known) for name in names)


def _member(name: str, catalog: Catalog | None) -> Member:
    path = Path(name)
    if path.exists() or catalog is None:
        return Member(path.stem, path)
    entry = catalog.model(name)
    return Member(name, entry.path, entry.adapter)


def load_frozen(path: Path, n_parameters: int, device: torch.device) -> Any:
    """In F32. Raises `BadOption` where it does not fit in memory, `BadModelFile`."""
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    free = available_bytes()
    if device.type == "cpu" and free is not None and n_parameters * 5 > free:
        raise BadOption(
            f"{path}: in F32 it takes {n_parameters * 4 / 2**30:.1f} GiB and {free / 2**30:.1f} GiB are "
            "free: use smaller models, or a machine with more memory"
        )
    logging.set_verbosity_error()
    try:
        # Its progress bars would overwrite ours, and some cannot be disabled.
        with contextlib.redirect_stderr(io.StringIO()):
            model = AutoModelForCausalLM.from_pretrained(
                str(path.parent), gguf_file=path.name, dtype=torch.float32, local_files_only=True
            )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, NotImplementedError) as error:
        raise BadModelFile(
            f"{path}: transformers cannot load it ({' '.join(str(error).split())[:200]}): use an "
            "architecture that it reads from GGUF, e.g. Llama, Qwen2, Qwen3 or Mistral"
        ) from error
    if not hasattr(model, "model") or not hasattr(model.model, "layers"):
        raise BadModelFile(
            f"{path}: {type(model).__name__} has no list of layers like Llama: use another model"
        )
    return model.eval().requires_grad_(False).to(device)


@torch.no_grad()
def require_same_logits(
    path: Path, model: Any, runtime: LanguageModel, tokens: Sequence[int]
) -> None:
    """Raises `BadModelFile` where PyTorch and llama.cpp read the file differently."""
    ids = torch.tensor([list(tokens)], device=next(model.parameters()).device)
    theirs = model(ids).logits[0].float().cpu().numpy()
    ours = runtime.read(tokens, last=len(tokens)).logits
    found = float(np.corrcoef(ours.ravel(), theirs[:, : ours.shape[1]].ravel())[0, 1])
    if not found >= _MIN_CORRELATION:
        raise BadModelFile(
            f"{path}: transformers reads it differently from llama.cpp (correlation of the logits "
            f"{found:.2f}), and a bridge trained on it would not fit: use another file or model"
        )
