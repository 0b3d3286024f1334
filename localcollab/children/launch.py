"""Starts a child process: the only place that does. It ends when its parent does, however that ends.

The child inherits the reading end of a pipe of which this process holds the writing end; the kernel
closes that one when this process is gone. The child leads a process group of its own, so that killing it
takes along whatever it started, and ctrl-C in a terminal stays the parent's business.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from localcollab.children.ended import Ended
from localcollab.children.limits import Limits

_BOOTSTRAP = str(Path(__file__).with_name("bootstrap.py"))
_HAS_GROUPS = os.name == "posix"
_FLAGS = ("-P",)
"""A module of the folder that the user happens to be in is not ours."""
ISOLATED = ("-I", "-S", "-X", "utf8")
"""No site packages, environment or user folder; sys.path is still the parent's."""

Stream = int | IO[bytes] | None


class Child:
    """A running child. Killed and reaped when it is closed or dropped, at the latest on exit.

    Pipes are binary. `process` is there to be read from and waited for; end it with `kill`, `close`.
    """

    def __init__(
        self,
        program: str,
        arguments: Sequence[str] = (),
        *,
        limits: Limits,
        stdin: Stream = subprocess.PIPE,
        stdout: Stream = subprocess.PIPE,
        stderr: Stream = subprocess.DEVNULL,
        environment: Mapping[str, str] | None = None,
        flags: Sequence[str] = _FLAGS,
    ) -> None:
        """`program`: a module's name, or the path of a script (`.py`)."""
        self.limits = limits
        self.process, held = _start(
            flags, program, arguments, limits, (stdin, stdout, stderr), environment
        )
        self._end = weakref.finalize(self, _close, self.process, held)

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def send(self, data: bytes) -> None:
        """To its standard input. What a dead child cannot take is dropped: its answer will be empty."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(data)
            self.process.stdin.flush()

    def kill(self) -> None:
        """With all it started. From any thread."""
        _kill(self.process)

    def close(self) -> int:
        """Kill it if it is still there, reap it and close its pipes. Returns its status."""
        self._end()
        return self.process.returncode


class Deadline:
    """Kills a child unless it is stopped in time. Starts at once."""

    def __init__(self, child: Child, seconds: float) -> None:
        # Holds no `child`: the timer's thread would keep a dropped one alive.
        self._late, process = threading.Event(), child.process
        late = self._late

        def give_up() -> None:
            late.set()
            _kill(process)

        self._timer = threading.Timer(seconds, give_up)
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        self._timer.cancel()

    @property
    def is_late(self) -> bool:
        return self._late.is_set()


def run(
    program: str,
    arguments: Sequence[str] = (),
    *,
    limits: Limits,
    given: str = "",
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run a child to its end. `given`: what it reads on its standard input."""
    child = Child(
        program, arguments, limits=limits, stderr=subprocess.PIPE, environment=environment
    )
    is_late = False
    try:
        try:
            out, err = child.process.communicate(given.encode(), limits.seconds)
        except subprocess.TimeoutExpired:
            is_late = True
            child.kill()
            out, err = child.process.communicate()
    finally:
        code = child.close()
    texts = out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
    return Ended(code, *texts, limits, is_late)


def _start(
    flags: Sequence[str],
    program: str,
    arguments: Sequence[str],
    limits: Limits,
    streams: tuple[Stream, Stream, Stream],
    environment: Mapping[str, str] | None,
) -> tuple[subprocess.Popen[bytes], int | None]:
    """The process, and the end of the pipe that is held as long as it may live."""
    watch, held = os.pipe() if _HAS_GROUPS else (None, None)
    name = "RLIMIT_DATA" if limits.reserves else "RLIMIT_AS"
    command = [
        sys.executable, *flags, _BOOTSTRAP, str(os.getpid() if watch is None else watch), name,
        str(limits.memory_bytes), str(limits.cpu), os.pathsep.join(filter(None, sys.path)),
        program, *arguments,
    ]  # fmt: skip
    stdin, stdout, stderr = streams
    # A debugger that prints where llama.cpp died takes half a minute.
    variables = {**os.environ, "GGML_NO_BACKTRACE": "1", **(environment or {})}
    try:
        process = subprocess.Popen(
            command, stdin=stdin, stdout=stdout, stderr=stderr, env=variables,
            pass_fds=() if watch is None else (watch,), process_group=0 if _HAS_GROUPS else None,
        )  # fmt: skip
    except BaseException:
        if held is not None:
            os.close(held)
        raise
    finally:
        if watch is not None:
            os.close(watch)
    return process, held


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is not None:
        return
    if not _HAS_GROUPS:
        process.kill()
        return
    # Until it is reaped, its number is nobody else's.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _close(process: subprocess.Popen[bytes], held: int | None) -> None:
    _kill(process)
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            # What could not be written is of no use to a dead child.
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    if held is not None:
        os.close(held)
