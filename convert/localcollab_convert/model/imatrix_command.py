"""`localcollab convert imatrix`: collect, and say how to use it."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from localcollab.errors import BadOption
from localcollab.terminal.status import Status
from localcollab.terminal.visible_text import visible
from localcollab_convert.model.imatrix import collect


def run(path: Path, text: Path, out: Path, *, n_tokens: int, as_json: bool) -> None:
    """Raises what `collect` raises."""
    if out.suffix != ".gguf":
        raise BadOption(f"--out is {out}: give a name that ends in .gguf")
    if n_tokens < 16:
        raise BadOption(f"--tokens is {n_tokens}: give 16 or more")
    status = Status(sys.stderr)
    try:
        made = collect(path, text, out, n_tokens, status.show)
    finally:
        status.clear()
    if as_json:
        print(json.dumps(asdict(made) | {"path": str(made.path)}, indent=1))
        return
    print(visible(f"{made.path}: {made.n_weights} weights, {made.n_tokens} tokens of {text.name}"))
    print(visible(f"use it: localcollab convert model SOURCE --imatrix {made.path} --type Q2_K"))
