"""Progress and notes on standard error."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from localcollab.progress import Counted, Pace, left_text
from localcollab.terminal.visible_text import one_line, visible

_RESET, _DIM = "\x1b[0m", "\x1b[2m"
_SECONDS_BETWEEN_LINES = 30.0


class Status:
    """One line of progress, replaced in place on a terminal; notes stay.

    A file or pipe gets a line when work turns out to be long, and one every half minute.
    Where standard error is full or its reader went away, nobody can be told: the command goes on.
    """

    def __init__(
        self,
        out: TextIO | None = None,
        *,
        in_place: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`in_place` None: if `out` is a terminal. `clock`: seconds."""
        self._out = out or sys.stderr
        self._in_place = self._out.isatty() if in_place is None else in_place
        self._shown = False
        self._clock, self._pace = clock, Pace(clock)
        self._announced, self._last_line = "", clock()

    def show(self, doing: str | Counted) -> None:
        text, left = str(doing), None
        if isinstance(doing, Counted):
            left = self._pace.seconds_left(doing)
        if left is not None:
            text = f"{text}, {left_text(left)}"
        if self._in_place:
            self._write(f"\r\x1b[K{_DIM}{one_line(text)}{_RESET}")
            self._shown = True
        elif self._is_due(doing, left):
            self._line(one_line(text))

    def clear(self) -> None:
        if self._shown:
            self._write("\r\x1b[K")
            self._shown = False

    def note(self, text: str) -> None:
        self.clear()
        line = visible(text)
        if self._in_place:
            self._write(f"{_DIM}{line}{_RESET}\n")
        else:
            self._line(line)

    def _is_due(self, doing: str | Counted, left: float | None) -> bool:
        """Whether a file or pipe gets a line of it."""
        if left is not None and isinstance(doing, Counted) and doing.what != self._announced:
            self._announced = doing.what
            return True
        return self._clock() - self._last_line >= _SECONDS_BETWEEN_LINES

    def _line(self, text: str) -> None:
        self._last_line = self._clock()
        self._write(f"{text}\n")

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
