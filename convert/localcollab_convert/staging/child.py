"""Child processes with streamed progress: what may crash, or must be stopped at once, runs in one.

A child ends with its parent, even a killed one: it watches its standard input. Its progress are the
lines of stderr; its result is one JSON value on stdout. `main` is the child's side, `run` ours.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from localcollab.errors import LocalcollabError

OnLine = Callable[[str], None]

_REFUSED = 3
_ROOTS = (Path(__file__).parents[3], Path(__file__).parents[2])
_N_KEPT = 40
_TELLING = re.compile(r"GGML_ASSERT|what\(\)|[Ee]rror")


class ChildFailed(LocalcollabError):
    """The child said no, crashed, or printed a traceback; the text is the reason."""


def run(
    module: str,
    arguments: Sequence[str],
    on_line: OnLine,
    *,
    environment: Mapping[str, str] | None = None,
) -> Any:
    """The JSON that `python -m module arguments` prints. Raises `ChildFailed`."""
    paths = [*map(str, _ROOTS), os.environ.get("PYTHONPATH", "")]
    variables = {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONUNBUFFERED": "1",
        "GGML_NO_BACKTRACE": "1",  # a debugger that says where it died takes half a minute
    }
    kept: deque[str] = deque(maxlen=_N_KEPT)
    with tempfile.TemporaryFile() as result:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE, stdout=result, stderr=subprocess.PIPE,
            env={**os.environ, **variables, **(environment or {})},
        )  # fmt: skip
        try:
            assert process.stderr is not None
            for line in _lines(process.stderr):
                kept.append(line)
                on_line(line)
            code = process.wait()
        finally:
            _end(process)
        if code:
            raise ChildFailed(_reason(code, list(kept)))
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


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stderr):
        assert pipe is not None
        pipe.close()


def _reason(code: int, lines: Sequence[str]) -> str:
    last = next((line for line in reversed(lines) if _TELLING.search(line)), None)
    said = (last or (lines[-1] if lines else "no message"))[:300]
    if code == _REFUSED:
        return lines[-1]
    if code < 0:
        return f"it ended with {signal.Signals(-code).name} ({said})"
    return said


def main(work: Callable[[], Any]) -> None:
    """A child's whole life: watch the parent, work, print the result, exit."""
    threading.Thread(target=_watch_parent, daemon=True).start()
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


def _watch_parent() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)
