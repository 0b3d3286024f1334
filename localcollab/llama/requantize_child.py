"""Quantizes a file again in a process that can be killed, and that a damaged source may crash.

Exit 3: refused, the last line of stderr says why.
"""

import json
import sys
from pathlib import Path

from localcollab.errors import LocalcollabError
from localcollab.llama.quantizer import quantize

if __name__ == "__main__":
    request = json.loads(sys.argv[1])
    try:
        quantize(
            Path(request["source"]), Path(request["out"]), request["type"],
            provenance=request["provenance"], again=True,
        )  # fmt: skip
    except LocalcollabError as error:
        print(error, file=sys.stderr)
        sys.exit(3)
