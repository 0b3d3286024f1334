"""`localcollab models cache ...`: what models keep on disk of the texts they have read."""

from datetime import UTC, datetime

import typer

from localcollab.cli.group import CommandGroup
from localcollab.cli.options import Json
from localcollab.errors import LocalcollabError
from localcollab.storage.os_errors import explained
from localcollab.terminal.printing import print_json, print_line, print_note

app = typer.Typer(
    cls=CommandGroup,
    help="List or delete what models keep on disk of the texts they have read.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the states, most recently used first: model, tokens, size, and what they were made from.

    With them a conversation that is opened again, or another with the same beginning, starts at once.
    """
    from localcollab.storage.state_files import StateFiles

    files = StateFiles()
    try:
        entries = files.entries()
    except OSError as error:
        raise LocalcollabError(explained(error, files.folder)) from error
    if as_json:
        print_json(
            [
                {"model": e.model, "tokens": len(e.tokens), "bytes": e.n_bytes,
                 "used": _when(e.used).isoformat(), "origins": sorted(e.origins)}
                for e in entries
            ]
        )  # fmt: skip
        return
    for entry in entries:
        print_line(
            f"{entry.model}: {len(entry.tokens):,} tokens, {_size(entry.n_bytes)}, used "
            f"{_when(entry.used).astimezone():%Y-%m-%d %H:%M}, {', '.join(sorted(entry.origins))}"
        )
    total = sum(entry.n_bytes for entry in entries)
    print_note(f"{len(entries)} states, {_size(total)}, in {files.folder}")


@app.command()
def clear() -> None:
    """Delete all states; the texts are read again when they are needed."""
    from localcollab.storage.state_files import StateFiles

    files = StateFiles()
    try:
        n, n_bytes = files.clear()
    except OSError as error:
        raise LocalcollabError(explained(error, files.folder)) from error
    print_line(f"deleted {n} states, {_size(n_bytes)}")


def _when(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:,.1f} MB"
