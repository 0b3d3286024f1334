"""A model file loaded by llama.cpp: complete, its vocabulary only, or as a plan without weights."""

import os
import weakref
from pathlib import Path
from typing import Any

from localcollab.errors import BadModelFile
from localcollab.llama import library
from localcollab.llama.bindings import api


class LoadedModel:
    """A llama_model, freed when no weights and no vocabulary refer to it any more."""

    def __init__(self, pointer: object) -> None:
        self.pointer = pointer
        self.vocab: object = api.llama_model_get_vocab(pointer)
        weakref.finalize(self, api.llama_model_free, pointer)


def default_params() -> Any:
    """llama_model_params, to be changed."""
    library.start()
    return api.llama_model_default_params()


def load_model(path: Path, params: object, what: str = "load it") -> LoadedModel:
    """`what`: the verb for the error message. Raises `BadModelFile`."""
    library.take_errors()
    pointer = api.llama_model_load_from_file(os.fsencode(path), params)
    if not pointer:
        raise BadModelFile(
            f"{path}: llama.cpp cannot {what} ({library.take_errors() or 'no reason given'}): download "
            "or convert it again"
        )
    return LoadedModel(pointer)
