"""Progress and notes on standard error."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from localcollab.terminal.visible_text import one_line, visible

_RESET, _DIM = "\x1b[0m", "\x1b[2m"


class Status:
    """One line of progress, replaced in place on a terminal and not written to a pipe; notes stay.

    Where standard error is full or its reader went away, nobody can be told: the command goes on.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr
        self._is_terminal = self._out.isatty()
        self._shown = False

    def show(self, text: str) -> None:
        if self._is_terminal:
            self._write(f"\r\x1b[K{_DIM}{one_line(text)}{_RESET}")
            self._shown = True

    def clear(self) -> None:
        if self._shown:
            self._write("\r\x1b[K")
            self._shown = False

    def note(self, text: str) -> None:
        self.clear()
        line = visible(text)
        self._write(f"{_DIM}{line}{_RESET}\n" if self._is_terminal else f"{line}\n")

    def _write(self, text: str) -> None:
        with suppress(OSError):
            self._out.write(text)
            self._out.flush()


class NoteHandler(logging.Handler):
    """Shows the program's own decisions (logger `localcollab.note`) as notes of a `Status`."""

    def __init__(self, status: Status) -> None:
        super().__init__(logging.WARNING)
        self._status = status

    def emit(self, record: logging.LogRecord) -> None:
        self._status.note(record.getMessage())


@contextmanager
def notes_shown(status: Status) -> Iterator[None]:
    """As notes of `status`, and of no other one meanwhile."""
    handler, logger = NoteHandler(status), logging.getLogger("localcollab.note")
    others = [each for each in logger.handlers if isinstance(each, NoteHandler)]
    for each in others:
        logger.removeHandler(each)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        for each in others:
            logger.addHandler(each)


def show_notes() -> None:
    """On standard error, from now on."""
    logging.getLogger("localcollab.note").addHandler(NoteHandler(Status()))


def hide_notes() -> None:
    """For a program that draws on the terminal itself."""
    logger = logging.getLogger("localcollab.note")
    for handler in [each for each in logger.handlers if isinstance(each, NoteHandler)]:
        logger.removeHandler(handler)
