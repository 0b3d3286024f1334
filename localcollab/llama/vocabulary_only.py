"""The tokenizer of a model file without its weights; of any architecture llama.cpp knows.

Call it in a child process where the file is a stranger: `probe` is not asked.
"""

import os
from pathlib import Path

import llama_cpp.llama_cpp as api

from localcollab.errors import BadModelFile
from localcollab.llama import library
from localcollab.llama.header import read_header
from localcollab.llama.tokenizer import LoadedModel, read_vocabulary
from localcollab.vocabulary import Vocabulary


def load_vocabulary(path: Path) -> Vocabulary:
    """Raises `BadModelFile`."""
    library.start()
    read_header(path)
    params = api.llama_model_default_params()
    params.vocab_only = True
    library.take_errors()
    pointer = api.llama_model_load_from_file(os.fsencode(path), params)
    if not pointer:
        raise BadModelFile(
            f"{path}: llama.cpp cannot read its vocabulary ({library.take_errors() or 'no reason'}): "
            "fetch it again, or convert it anew"
        )
    return read_vocabulary(LoadedModel(pointer), path.name)
