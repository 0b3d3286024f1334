"""The standard streams as commands find them: closed, full, or in an encoding that lacks characters."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import NoReturn, TextIO

from localcollab.errors import OutputFailed


class ClosedStream(io.TextIOBase):
    """Stands for a standard stream that is closed, where Python has None: every use is an `OSError`."""

    def read(self, size: int | None = -1, /) -> str:
        self._fail()

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]
        self._fail()

    def write(self, text: object, /) -> int:
        self._fail()

    @property
    def buffer(self) -> "ClosedStream":
        return self

    def _fail(self) -> NoReturn:
        raise OSError("it is closed")


def prepare_streams() -> None:
    """Call first. A closed descriptor is reserved, so that no file that is opened later becomes the
    output; characters that the encoding lacks are written as escapes."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)
    os.close(fd)
    sys.stdin, sys.stdout = sys.stdin or _closed(), sys.stdout or _closed()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # to the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _closed() -> TextIO:
    return ClosedStream()  # type: ignore[return-value]


def is_closed(stream: TextIO | None) -> bool:
    return stream is None or isinstance(stream, ClosedStream)


@contextlib.contextmanager
def writing_output() -> Iterator[None]:
    """Raises `OutputFailed` where standard output takes no more, as on a full disk."""
    try:
        yield
    except BrokenPipeError:
        raise  # the reader went away: nothing to report
    except OSError as error:
        raise OutputFailed(
            f"standard output cannot be written ({error.strerror or error}): free some space, or send "
            "it elsewhere"
        ) from error
