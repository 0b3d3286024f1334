"""`localcollab history`: results on stdout, notes on stderr. Texts are shown, never executed."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from localcollab.errors import BadHistory, BadOption
from localcollab.history.export import write_private
from localcollab.history.records import Conversation, Hit
from localcollab.history.store import default_path, open_history
from localcollab.terminal.visible_text import visible


def print_list(*, as_json: bool) -> None:
    with open_history(default_path()) as history:
        found = history.conversations(limit=history.count())
    if as_json:
        print(_json(found))
        return
    if not found:
        print("no conversations yet", file=sys.stderr)
    for conversation in found:
        pin = "*" if conversation.pinned else " "
        n_messages = f"{conversation.n_messages} messages"
        print(
            f"{conversation.id} {pin} {conversation.updated.astimezone():%Y-%m-%d %H:%M}  "
            f"{_line(conversation.title) or 'untitled'} ({n_messages})"
        )


def print_search(text: str, *, as_json: bool) -> None:
    with open_history(default_path()) as history:
        hits = history.search(text)
    if as_json:
        print(_json(hits))
        return
    if not hits:
        print(f"nothing found for {text!r}", file=sys.stderr)
    for hit in hits:
        print(f"{hit.conversation}  {_line(hit.title) or 'untitled'}")
        print(f"    {hit.role}: {_line(_marked(hit))}")


def export(start: str, form: str, out: Path | None) -> None:
    """Raises `BadOption`, `BadHistory`."""
    if form not in ("markdown", "json"):
        raise BadOption(f"`form` is {form!r}: give markdown or json")
    with open_history(default_path()) as history:
        id_ = history.find(start).id
        text = history.export_markdown(id_) if form == "markdown" else history.export_json(id_)
    if out is None:
        print(text)
    else:
        write_private(out, text)


def import_file(file: Path) -> None:
    """Prints the id. Raises `BadHistory`."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadHistory(
            f"{file} cannot be read: {error}; give an exported conversation"
        ) from error
    with open_history(default_path()) as history:
        print(history.import_json(text, str(file)).id)


def backup(file: Path) -> None:
    with open_history(default_path()) as history:
        history.backup(file)


def delete(start: str, *, yes: bool) -> None:
    """Asks first. Raises `BadOption` where nobody can be asked."""
    with open_history(default_path()) as history:
        conversation = history.find(start)
        if not yes and not _is_meant(conversation):
            print("kept", file=sys.stderr)
            return
        history.delete(conversation.id)
    path = default_path()
    for copy in sorted(path.parent.glob(f"{path.name}.version-*")):
        print(f"{copy}, kept from before an update, may still hold it", file=sys.stderr)


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


def _json(records: Sequence[Conversation] | Sequence[Hit]) -> str:
    return json.dumps([asdict(each) for each in records], indent=1, default=_iso)


def _iso(value: object) -> str:
    assert isinstance(value, datetime)
    return value.isoformat()
