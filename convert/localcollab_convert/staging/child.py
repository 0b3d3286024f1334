"""Child processes with streamed progress: what may crash, or must be stopped at once, runs in one.

Its progress are the lines of stderr; its result is one JSON value on stdout. `main` is the child's side,
`run` ours.
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
_N_KEPT = 40


class ChildFailed(LocalcollabError):
    """The child said no, crashed, or printed a traceback; the text is the reason."""


def run(
    module: str,
    arguments: Sequence[str],
    on_line: OnLine,
    *,
    environment: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> Any:
    """The JSON that `python -m module arguments` prints. Raises `ChildFailed`.

    `limits`: None: all memory there is, for work that the user asked for.
    """
    variables = {"PYTHONUNBUFFERED": "1", **(environment or {})}
    limits = limits or whole_machine(reserves=True)
    kept: deque[str] = deque(maxlen=_N_KEPT)
    with tempfile.TemporaryFile() as result:
        child = Child(
            module, arguments, limits=limits, stdin=subprocess.DEVNULL, stdout=result,
            stderr=subprocess.PIPE, environment=variables,
        )  # fmt: skip
        deadline = Deadline(child, limits.seconds)
        try:
            assert child.process.stderr is not None
            for line in _lines(child.process.stderr):
                kept.append(line)
                on_line(line)
            code = child.process.wait()
        finally:
            deadline.stop()
            child.close()
        if code:
            raise ChildFailed(_reason(Ended(code, "", "\n".join(kept), limits, deadline.is_late)))
        result.seek(0)
        return json.loads(result.read() or b"null")


def _lines(stream: IO[bytes]) -> Iterator[str]:
    """As they come; a progress bar's \\r ends a line too."""
    held = b""
    while data := os.read(stream.fileno(), 2**16):
        *whole, held = re.split(rb"[\r\n]+", held + data)
        yield from (text for line in whole if (text := line.decode("utf-8", "replace").strip()))
    if held.strip():
        yield held.decode("utf-8", "replace").strip()


def _reason(ended: Ended) -> str:
    if ended.code == _REFUSED:
        return ended.err.splitlines()[-1]
    return ended.last_line if ended.cause == "exit" else f"it {ended.words}"


def main(work: Callable[[], Any]) -> None:
    """A child's whole life: work, print the result, exit."""
    # Libraries print what they like; only the result may reach our stdout.
    out, sys.stdout = os.dup(1), sys.stderr
    os.dup2(2, 1)
    try:
        value = work()
    except (LocalcollabError, OSError) as error:
        print(" ".join(str(error).split()), file=sys.stderr, flush=True)
        os._exit(_REFUSED)
    with os.fdopen(out, "w", encoding="utf-8") as result:
        json.dump(value, result)
    sys.stderr.flush()
    # Native threads may still be winding down: nothing of theirs is wanted.
    os._exit(0)
