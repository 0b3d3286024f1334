"""A model file as llama.cpp has loaded it: whole, its vocabulary alone, or as a plan."""

import os
import weakref
from pathlib import Path
from typing import Any

from localcollab.errors import BadModelFile
from localcollab.llama import library
from localcollab.llama.bindings import api


class LoadedModel:
    """A llama_model, freed when nobody holds it any more: neither weights nor a vocabulary."""

    def __init__(self, pointer: object) -> None:
        self.pointer = pointer
        self.vocab: object = api.llama_model_get_vocab(pointer)
        weakref.finalize(self, api.llama_model_free, pointer)


def default_params() -> Any:
    """llama_model_params, to be changed."""
    library.start()
    return api.llama_model_default_params()


def load_model(path: Path, params: object, what: str = "load it") -> LoadedModel:
    """`what` it is that fails. Raises `BadModelFile`."""
    library.take_errors()
    pointer = api.llama_model_load_from_file(os.fsencode(path), params)
    if not pointer:
        raise BadModelFile(
            f"{path}: llama.cpp cannot {what} ({library.take_errors() or 'no reason given'}): fetch it "
            "again, or convert it anew"
        )
    return LoadedModel(pointer)
