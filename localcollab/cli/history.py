"""`localcollab history`: finds, exports and deletes stored conversations.

Texts are made safe to print; results go to standard output, notes to standard error.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from localcollab.cli.group import CommandGroup
from localcollab.cli.options import Json
from localcollab.errors import BadHistory, BadOption
from localcollab.history.export import write_private
from localcollab.history.records import Conversation, Hit
from localcollab.history.store import default_path, open_history
from localcollab.terminal.printing import print_json, print_line, print_note, print_text
from localcollab.terminal.visible_text import visible

app = typer.Typer(
    cls=CommandGroup,
    help="Find, export and delete stored conversations.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

_SALVAGE_HELP = "Write what can still be read of a damaged history, for import."

_Id = Annotated[str, typer.Argument(help="Id of the conversation, or the beginning of it.")]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the conversations: pinned first, then the latest."""
    with open_history(default_path()) as history:
        found = history.conversations(limit=history.count())
    if as_json:
        print_json([asdict(each) for each in found])
        return
    if not found:
        print_note("no conversations yet")
    for conversation in found:
        pin = "*" if conversation.pinned else " "
        n_messages = f"{conversation.n_messages} messages"
        print_line(
            f"{conversation.id} {pin} {conversation.updated.astimezone():%Y-%m-%d %H:%M}  "
            f"{_line(conversation.title) or 'untitled'} ({n_messages})"
        )


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="Words, beginnings of words, or any text.")],
    as_json: Json = False,
) -> None:
    """Find messages in all conversations."""
    with open_history(default_path()) as history:
        hits = history.search(text)
    if as_json:
        print_json([asdict(each) for each in hits])
        return
    if not hits:
        print_note(f"nothing found for {text!r}")
    for hit in hits:
        print_line(f"{hit.conversation}  {_line(hit.title) or 'untitled'}")
        print_line(f"    {hit.role}: {_line(_marked(hit))}")


@app.command()
def export(
    conversation: Annotated[
        str | None,
        typer.Argument(
            help="Id of the conversation, or the beginning of it; with --salvage, the file to write."
        ),
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help="markdown, or json (complete).")
    ] = "markdown",
    out: Annotated[
        Path | None, typer.Option(help="File to write. Default: standard output.")
    ] = None,
    salvage: Annotated[bool, typer.Option("--salvage", help=_SALVAGE_HELP)] = False,
    damaged: Annotated[
        Path | None, typer.Option(help="The damaged file of --salvage. Default: the history.")
    ] = None,
) -> None:
    """Export one conversation with the author of every token, or what is left of a damaged history."""
    if salvage:
        target = out if conversation is None else Path(conversation)
        _salvage(damaged or default_path(), target)
        return
    if conversation is None:
        raise BadOption(
            "`conversation` is missing: give an id (localcollab history list), or `salvage`"
        )
    if form not in ("markdown", "json"):
        raise BadOption(f"`form` is {form!r}: give markdown or json")
    with open_history(default_path()) as history:
        id_ = history.find(conversation).id
        text = history.export_markdown(id_) if form == "markdown" else history.export_json(id_)
    if out is None:
        print_text(text)
    else:
        write_private(out, text)


def _salvage(damaged: Path, out: Path | None) -> None:
    # Imported here: few need it.
    from localcollab.history.salvage import salvage

    found = salvage(damaged)
    if out is None:
        print_json(found.record)
    else:
        _refuse_database(out)
        write_private(out, json.dumps(found.record))
        print_note(f"next: move {damaged} away, then localcollab history import {out}")
    print_note(found.summary())


def _refuse_database(out: Path) -> None:
    try:
        with out.open("rb") as file:
            is_database = file.read(6) == b"SQLite"
    except OSError:
        return  # a new file, or one that `write_private` refuses
    if is_database or out == default_path():
        raise BadOption(f"{out} is a database: give the file to write, and this one as `damaged`")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A file written by export --format json.")],
) -> None:
    """Add exported conversations and print their ids; nothing is overwritten."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadHistory(
            f"{file} cannot be read: {error}; give an exported conversation"
        ) from error
    with open_history(default_path()) as history:
        for added in history.import_all(text, str(file)):
            print_line(added.id)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The copy; an existing one is replaced.")],
) -> None:
    """Copy the whole history to one file, even while it is in use."""
    with open_history(default_path()) as history:
        history.backup(file)


@app.command()
def path() -> None:
    """Print the path of the history file."""
    print_line(str(default_path()))


@app.command()
def delete(
    conversation: _Id,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete one conversation permanently."""
    with open_history(default_path()) as history:
        found = history.find(conversation)
        if not yes and not _is_meant(found):
            print_note("kept")
            return
        history.delete(found.id)
    file = default_path()
    for copy in sorted(file.parent.glob(f"{file.name}.version-*")):
        print_note(f"{copy}, kept from before an update, may still hold it")


def _is_meant(conversation: Conversation) -> bool:
    name = f"{_line(conversation.title) or conversation.id!r} ({conversation.n_messages} messages)"
    if not sys.stdin.isatty():
        raise BadOption(f"nobody can be asked whether to delete {name}: give `yes`")
    print(f"delete {name} for good? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _marked(hit: Hit) -> str:
    text = hit.snippet
    for start, end in reversed(hit.marks):
        text = f"{text[:start]}[{text[start:end]}]{text[end:]}"
    return text


def _line(text: str) -> str:
    return " ".join(visible(text).split())
