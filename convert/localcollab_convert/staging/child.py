"""Child processes with streamed progress, for work that may crash or must be killed at once.

Progress is the lines of stderr, the result one JSON value on stdout. `main` runs in the child, `run` in
the parent.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any

from localcollab.children.ended import Ended
from localcollab.children.launch import Child, Deadline
from localcollab.children.limits import Limits, whole_machine
from localcollab.errors import LocalcollabError

OnLine = Callable[[str], None]

_REFUSED = 3
_N_LINES = 40


class ChildFailed(LocalcollabError):
    """The child refused, crashed, or raised; the text is the reason."""


def run(
    module: str,
    arguments: Sequence[str],
    on_line: OnLine,
    *,
    environment: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> Any:
    """The JSON that `python -m module arguments` prints. Raises `ChildFailed`.

    `limits` None: all memory, for work that the user asked for.
    """
    variables = {"PYTHONUNBUFFERED": "1", **(environment or {})}
    limits = limits or whole_machine(reserves=True)
    lines: deque[str] = deque(maxlen=_N_LINES)
    with tempfile.TemporaryFile() as result:
        child = Child(
            module, arguments, limits=limits, stdin=subprocess.DEVNULL, stdout=result,
            stderr=subprocess.PIPE, environment=variables,
        )  # fmt: skip
        deadline = Deadline(child, limits.seconds)
        try:
            assert child.process.stderr is not None
            for line in _lines(child.process.stderr):
                lines.append(line)
                on_line(line)
            code = child.process.wait()
        finally:
            deadline.stop()
            child.close()
        if code:
            raise ChildFailed(_reason(Ended(code, "", "\n".join(lines), limits, deadline.is_late)))
        result.seek(0)
        return json.loads(result.read() or b"null")


def _lines(stream: IO[bytes]) -> Iterator[str]:
    """As they arrive; \\r of a progress bar ends a line too."""
    rest = b""
    while data := os.read(stream.fileno(), 2**16):
        *complete, rest = re.split(rb"[\r\n]+", rest + data)
        yield from (text for line in complete if (text := line.decode("utf-8", "replace").strip()))
    if rest.strip():
        yield rest.decode("utf-8", "replace").strip()


def _reason(ended: Ended) -> str:
    if ended.code == _REFUSED:
        return ended.err.splitlines()[-1]
    return ended.last_line if ended.cause == "exit" else f"it {ended.words}"


def main(compute: Callable[[], Any]) -> None:
    """The child's side: compute, print the result, exit."""
    # Libraries may print to stdout; only the result must reach it.
    out, sys.stdout = os.dup(1), sys.stderr
    os.dup2(2, 1)
    try:
        value = compute()
    except (LocalcollabError, OSError) as error:
        print(" ".join(str(error).split()), file=sys.stderr, flush=True)
        os._exit(_REFUSED)
    with os.fdopen(out, "w", encoding="utf-8") as result:
        json.dump(value, result)
    sys.stderr.flush()
    # Native threads may still run: do not wait for them.
    os._exit(0)
