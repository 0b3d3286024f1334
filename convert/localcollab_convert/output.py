"""What every command prints: a status line on stderr while it runs, then its result on stdout."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import typer

from localcollab.terminal.printing import print_json, print_line
from localcollab.terminal.status import Status

_EXIT_INTERRUPTED = 130


@contextmanager
def progress() -> Iterator[Status]:
    """A status line that is removed at the end."""
    status = Status(sys.stderr)
    try:
        yield status
    finally:
        status.clear()


@contextmanager
def resumable_progress() -> Iterator[Status]:
    """`progress` of a command that resumes: Ctrl-C exits with one line that says so."""
    try:
        with progress() as status:
            yield status
    except KeyboardInterrupt:
        typer.echo("localcollab: interrupted; run the same command to resume", err=True)
        raise SystemExit(_EXIT_INTERRUPTED) from None


def print_result(record: object, lines: Iterable[str], *, as_json: bool) -> None:
    """`record` as JSON, paths as strings; or `lines`, without terminal control characters."""
    if as_json:
        print_json(record)
        return
    for line in lines:
        print_line(line)


def mebibytes(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:.1f} MiB"
