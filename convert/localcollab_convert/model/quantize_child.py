"""Quantizes one file in a process that can be killed, and that a damaged source may crash."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from localcollab.llama.quantizer import quantize
from localcollab_convert.imatrix.file import load_imatrix
from localcollab_convert.staging import child


def run_quantizer(request: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the tensors that fell back to another type."""

    def on_tensor(number: int, total: int, name: str) -> None:
        print(f"{number} of {total} tensors ({name})", file=sys.stderr, flush=True)

    imatrix = load_imatrix(Path(request["imatrix"])) if request["imatrix"] else None
    done = quantize(
        Path(request["source"]), Path(request["out"]), request["type"],
        imatrix=imatrix.means() if imatrix else None, provenance=request["provenance"],
        n_threads=request["n_threads"], on_tensor=on_tensor,
    )  # fmt: skip
    return [asdict(fallback) for fallback in done.fallbacks]


if __name__ == "__main__":
    child.main(lambda: run_quantizer(json.loads(sys.argv[1])))
