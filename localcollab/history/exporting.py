"""One conversation as JSON: every branch, every token with its author. `importing` reads it back."""

import json
import os
import sqlite3
from dataclasses import asdict, replace
from pathlib import Path

from localcollab import __version__
from localcollab.errors import BadOption
from localcollab.history import tree
from localcollab.history.packing import unpack
from localcollab.history.records import Outcome, StoredMessage

FORMAT = "localcollab-conversation-1"


def to_json(connection: sqlite3.Connection, id_: str) -> str:
    """Messages are numbered from 1 as they were added; times are ISO 8601. Raises `BadOption`."""
    conversation = tree.conversation(connection, id_)
    found = connection.execute("SELECT id FROM messages WHERE conversation = ? ORDER BY id", (id_,))
    numbers = {row["id"]: n for n, row in enumerate(found.fetchall(), start=1)}
    record = {
        "format": FORMAT,
        "localcollab": __version__,
        "id": conversation.id,
        "title": conversation.title,
        "system": conversation.system,
        "team": conversation.team,
        "created": conversation.created.isoformat(),
        "updated": conversation.updated.isoformat(),
        "pinned": conversation.pinned,
        "leaf": None if conversation.leaf is None else numbers[conversation.leaf],
        "messages": [_message(connection, message, numbers) for message in numbers],
    }
    # In ASCII, so that no terminal and no encoding of standard output can change it.
    return json.dumps(record)


def _message(
    connection: sqlite3.Connection, id_: int, numbers: dict[int, int]
) -> dict[str, object]:
    message = settled(tree.message(connection, id_))
    record: dict[str, object] = {
        "id": numbers[id_],
        "parent": None if message.parent is None else numbers[message.parent],
        "role": message.role,
        "status": message.status,
        "created": message.created.isoformat(),
        "text": message.text,
    }
    if message.provenance is None or message.outcome is None:
        return record
    tokens, unshown = unpack(tree.packed(connection, id_))
    return record | {
        "provenance": asdict(message.provenance),
        "outcome": asdict(message.outcome),
        "tokens": [asdict(token) for token in tokens],
        "unshown": list(unshown),
    }


def settled(message: StoredMessage) -> StoredMessage:
    """Of an answer that is being written: what is saved, as if it were stopped now."""
    if message.status != "streaming":
        return message
    return replace(message, status="stopped", outcome=Outcome(notes=("exported while written",)))


def write_private(out: Path, text: str) -> None:
    """Only its owner may read what was said. Raises `BadOption`."""
    partial = out.with_name(out.name + ".partial")
    try:
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
                  encoding="utf-8") as file:  # fmt: skip
            file.write(text)
        os.replace(partial, out)
    except OSError as error:
        raise BadOption(f"{out} cannot be written ({error.strerror}): give another path") from error
