"""Speed of the export of `convert head`, compared with llama.cpp's bare prompt speed on the same tokens.

`localcollab bench` runs this as a child process: the request is one JSON object on standard input, the
result one on standard output.
"""

import json
import statistics
import sys
from pathlib import Path
from typing import Any

from localcollab.bench.figures import alternate, choose_clock, ratios
from localcollab.llama.bare import BareLoop
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.probe import probe
from localcollab.llama.weights import load_weights
from localcollab_convert.export.examples import Example
from localcollab_convert.export.shards import score


def main(request: dict[str, Any]) -> dict[str, object]:
    """file, tokens, n_prompt, n_ctx, n_rounds, busy."""
    clock = choose_clock(busy=request["busy"])
    path, tokens, n_prompt = Path(request["file"]), request["tokens"], request["n_prompt"]
    options = Options(n_ctx=request["n_ctx"], n_threads=1 if request["busy"] else None)
    weights = load_weights(path, options, extra_buffers=probe(path).extra_buffers)
    model = LlamaModel(weights, options, name="base")
    bare = BareLoop(LlamaModel(weights, options, name="bare"), clock)
    example = Example("bench", 0, tuple(tokens), ((n_prompt, len(tokens)),))

    def export() -> float:
        model.forget()
        started = clock()
        score(example, [model])
        return clock() - started

    n_read, n_outputs = len(tokens) - 1, len(tokens) - n_prompt
    seconds = alternate(
        {"bare": lambda: bare.read(tokens[:-1], n_outputs), "export": export}, request["n_rounds"]
    )
    return {
        "ratios": ratios(seconds["bare"], seconds["export"]),
        "bare_tokens_per_second": n_read / statistics.median(seconds["bare"]),
        "export_tokens_per_second": n_read / statistics.median(seconds["export"]),
    }


if __name__ == "__main__":
    print(json.dumps(main(json.load(sys.stdin))))
