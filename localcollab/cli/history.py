"""`localcollab history`: finds, exports and deletes stored conversations.

Texts are made safe to print; results go to standard output, notes to standard error.
"""

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
    conversation: _Id,
    form: Annotated[
        str, typer.Option("--format", help="markdown, or json (complete).")
    ] = "markdown",
    out: Annotated[
        Path | None, typer.Option(help="File to write. Default: standard output.")
    ] = None,
) -> None:
    """Export one conversation with the author of every token."""
    if form not in ("markdown", "json"):
        raise BadOption(f"`form` is {form!r}: give markdown or json")
    with open_history(default_path()) as history:
        id_ = history.find(conversation).id
        text = history.export_markdown(id_) if form == "markdown" else history.export_json(id_)
    if out is None:
        print_text(text)
    else:
        write_private(out, text)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A file written by export --format json.")],
) -> None:
    """Add an exported conversation and print its id; nothing is overwritten."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadHistory(
            f"{file} cannot be read: {error}; give an exported conversation"
        ) from error
    with open_history(default_path()) as history:
        print_line(history.import_json(text, str(file)).id)


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
