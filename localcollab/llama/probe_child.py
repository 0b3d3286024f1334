"""The child process of `probe`: load a file, tokenize, decode one token. May die; that is its use.

Exit 0: the file works. Exit 3: refused, the last line of stderr says why. Exit 4: it loads, but does
not compute; another way of loading may help.
"""

import resource
import sys
from pathlib import Path

import numpy as np

from localcollab.errors import EvaluationFailed, LocalcollabError
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.weights import load_weights

# Words, digits, blanks, other scripts: whatever makes a tokenizer trip.
_TEXT = "Hello, world! 12 34\n\n  \t naïve 漢字 🙂 <|x|> </s>"


def main(path: Path, *, extra_buffers: bool) -> None:
    """Raises `LocalcollabError` where the file cannot be used."""
    options = Options(n_ctx=64, n_batch=32, n_outputs=1)
    weights = load_weights(path, options, extra_buffers=extra_buffers)
    vocabulary = weights.vocabulary
    try:
        tokens = vocabulary.encode(_TEXT, special=True, bos=True)[:16]
    except LocalcollabError:  # no byte tokens: such texts are refused one by one
        tokens = []
    vocabulary.decode(range(vocabulary.n_tokens))  # a misspelt byte token ends the process
    model = LlamaModel(weights, options, name=path.name)
    reading = model.read(tokens or [vocabulary.bos or 0], hidden=True)
    assert reading.hidden is not None
    if not np.isfinite(reading.hidden).all():
        raise EvaluationFailed("its hidden states are no numbers: fetch it again")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        main(Path(sys.argv[1]), extra_buffers=sys.argv[2] == "True")
    except LocalcollabError as error:
        print(error, file=sys.stderr)
        sys.exit(4 if isinstance(error, EvaluationFailed) else 3)
