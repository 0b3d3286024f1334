"""The tokenizer of a model file without its weights; of any architecture llama.cpp knows.

Call it in a child process where the file is a stranger: `probe` is not asked.
"""

from pathlib import Path

from localcollab.llama.header import read_header
from localcollab.llama.loaded import default_params, load_model
from localcollab.llama.tokenizer import read_vocabulary
from localcollab.vocabulary import Vocabulary


def load_vocabulary(path: Path) -> Vocabulary:
    """Raises `BadModelFile`."""
    read_header(path)
    params = default_params()
    params.vocab_only = True
    return read_vocabulary(load_model(path, params, "read its vocabulary"), path.name)
