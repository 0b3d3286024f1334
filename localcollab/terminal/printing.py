"""The only way to standard output for lines, texts and JSON: text from outside is made safe here."""

import json
import sys

from localcollab.terminal.status import Status
from localcollab.terminal.streams import writing_output
from localcollab.terminal.visible_text import escaped, one_line, visible


def print_line(text: str, *, flush: bool = False) -> None:
    """One line, whatever is in the text. Raises `OutputFailed`."""
    _write(one_line(text), flush=flush)


def print_text(text: str, *, flush: bool = False) -> None:
    """A text or table of several lines. Raises `OutputFailed`."""
    _write(visible(text), flush=flush)


def print_json(value: object, *, indent: int | None = 1, flush: bool = False) -> None:
    """In ASCII; paths and times as strings. Raises `OutputFailed`."""
    _write(escaped(json.dumps(value, indent=indent, default=str)), flush=flush)


def print_json_text(text: str) -> None:
    """JSON in ASCII. Raises `OutputFailed`."""
    _write(escaped(text), flush=False)


def print_note(text: str) -> None:
    """One line on standard error, which may be closed."""
    Status().note(one_line(text))


def _write(text: str, *, flush: bool) -> None:
    with writing_output():
        print(text, file=sys.stdout, flush=flush)
