"""The child of `speed`: files, or quantizations of a random model, measured in turns. It may crash.

Prints a JSON list of {"prompt": tokens a second, "answer": tokens a second}.
"""

import json
import sys
import time
from pathlib import Path

from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.quantizer import quantize
from localcollab.llama.synthetic import write_random_model
from localcollab.llama.weights import load_weights

_N_PROMPT, _N_ANSWER, _N_ROUNDS = 256, 16, 5


def main(what: str, extra_buffers: bool, paths: list[str]) -> list[dict[str, float]]:
    if what == "files":
        return _measured([Path(path) for path in paths], extra_buffers=extra_buffers)
    folder, *types = paths
    original = Path(folder) / "random.gguf"
    write_random_model(original, n_ctx=_N_PROMPT + _N_ANSWER + 1)
    quantized = [Path(folder) / f"{name}.gguf" for name in types]
    for name, path in zip(types, quantized, strict=True):
        quantize(original, path, name)
    original.unlink()
    return _measured(quantized, extra_buffers=extra_buffers)


def _measured(paths: list[Path], *, extra_buffers: bool) -> list[dict[str, float]]:
    """The best of several rounds each."""
    options = Options(n_ctx=_N_PROMPT + _N_ANSWER + 1)
    models = [
        LlamaModel(
            load_weights(path, options, extra_buffers=extra_buffers), options, name=path.name
        )
        for path in paths
    ]
    rounds = [[_once(model) for model in models] for _ in range(_N_ROUNDS)]
    seconds = [(min(p for p, _ in of), min(a for _, a in of)) for of in zip(*rounds, strict=True)]
    return [{"prompt": _N_PROMPT / p, "answer": _N_ANSWER / a} for p, a in seconds]


def _once(model: LlamaModel) -> tuple[float, float]:
    """Seconds of the prompt, and of the answer."""
    n_vocab = model.vocabulary.n_tokens
    tokens = [3 + n % (n_vocab - 3) for n in range(_N_PROMPT + _N_ANSWER)]
    model.forget()
    started = time.perf_counter()
    model.read(tokens[:_N_PROMPT])
    first = time.perf_counter()
    for n in range(_N_PROMPT, len(tokens)):
        model.read(tokens[: n + 1])
    return first - started, time.perf_counter() - first


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2] == "True", sys.argv[3:])))
