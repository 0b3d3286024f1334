"""Ctrl-C in a command that resumes: one line, and the exit code of an interrupted program."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

_EXIT_INTERRUPTED = 130


@contextmanager
def resumable() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("localcollab: interrupted; run the same command to resume", err=True)
        raise SystemExit(_EXIT_INTERRUPTED) from None
