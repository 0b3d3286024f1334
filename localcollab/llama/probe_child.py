"""The child process of `probe`: loads a file, with its adapter, tokenizes, decodes. It may crash.

Exit 0: the file works. Exit 3: refused, the last line of stderr says why. Exit 4: it loads, but does
not compute; another way of loading may help.
"""

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np

from localcollab.errors import EvaluationFailed, LocalcollabError
from localcollab.language_model import Float32Array
from localcollab.llama.adapter import apply_adapter
from localcollab.llama.context import LlamaModel
from localcollab.llama.encoder import Encoder
from localcollab.llama.encoder_decoder import EncoderDecoder
from localcollab.llama.options import Options
from localcollab.llama.weights import Kind, Weights, load_weights

# Words, digits, blanks, other scripts: what tokenizers fail on.
_TEXT = "Hello, world! 12 34\n\n  \t naïve 漢字 🙂 <|x|> </s>"
# Every byte of UTF-8: at one that an rwkv vocabulary lacks, llama.cpp allocates memory without end.
_EVERY_BYTE = "".join(
    map(chr, [*range(0xC0), *range(0xC0, 0x800, 64), *range(0x800, 0x10FFFF, 2048)])
).encode("utf-8", "ignore").decode()  # fmt: skip


def main(path: Path, kind: Kind, adapter: Path | None = None, *, extra_buffers: bool) -> None:
    """Raises `LocalcollabError` if the file cannot be used."""
    options = Options(n_ctx=64, n_batch=32, n_outputs=1)
    weights = load_weights(path, options, extra_buffers=extra_buffers, kind=kind)
    vocabulary = weights.vocabulary
    tokens: list[int] = []
    for text in (_EVERY_BYTE, _TEXT):
        # Without byte tokens such texts are rejected, when they are encoded as here.
        with contextlib.suppress(LocalcollabError):
            tokens = vocabulary.encode(text, special=True, bos=True)[:16]
    vocabulary.decode(range(vocabulary.n_tokens))  # a malformed byte token ends the process
    states = _states(weights, options, tokens or [vocabulary.bos or 0], adapter)
    if not np.isfinite(states).all():
        raise EvaluationFailed("it produces NaN or infinite hidden states: download it again")


def _states(
    weights: Weights, options: Options, tokens: Sequence[int], adapter: Path | None
) -> Float32Array:
    """What the file computes as its kind of model."""
    name = weights.path.name
    if weights.kind == "encoder":
        short = min(64, weights.n_ctx_train)
        return Encoder(weights, Options(n_ctx=short), name=name).encode(tokens[:short])
    if weights.kind == "encoder-decoder":
        both = EncoderDecoder(weights, options, name=name)
        return both.with_source(tokens).read([both.start]).logits
    model = LlamaModel(weights, options, name=name)
    if adapter is not None:
        apply_adapter(model, adapter)
    reading = model.read(tokens, hidden=True)
    assert reading.hidden is not None
    return reading.hidden


if __name__ == "__main__":
    try:
        path, extra_buffers, kind, *adapter = sys.argv[1:]
        adapted = Path(adapter[0]) if adapter else None
        main(Path(path), cast(Kind, kind), adapted, extra_buffers=extra_buffers == "True")
    except LocalcollabError as error:
        print(error, file=sys.stderr)
        sys.exit(4 if isinstance(error, EvaluationFailed) else 3)
