"""Conversations and the tree of their messages, on an open connection inside a transaction."""

import secrets
import sqlite3
from collections.abc import Sequence

from localcollab.errors import BadOption
from localcollab.history import rows
from localcollab.history.records import Conversation, StoredMessage
from localcollab.storage.sqlite import UnreadableRow

_TITLE_CHARACTERS = 60

_BRANCH = """WITH RECURSIVE branch(id, depth) AS (
    SELECT id, 0 FROM messages WHERE id = ?
    UNION ALL
    SELECT m.parent, depth + 1 FROM branch JOIN messages m ON m.id = branch.id
    WHERE m.parent < m.id  -- also where damaged rows form a circle
) """
_BELOW = """WITH RECURSIVE below(id) AS (
    SELECT ? UNION ALL SELECT m.id FROM below JOIN messages m ON m.parent = below.id AND m.id > below.id
) """


def new_id(connection: sqlite3.Connection) -> str:
    while True:
        id_ = secrets.token_hex(5)
        if not connection.execute("SELECT 1 FROM conversations WHERE id = ?", (id_,)).fetchone():
            return id_


def conversation(connection: sqlite3.Connection, id_: str) -> Conversation:
    """Raises `BadOption`."""
    row = connection.execute(f"{rows.CONVERSATION} WHERE id = ?", (id_,)).fetchone()
    if row is None:
        raise BadOption(f"there is no conversation {id_!r}: see localcollab history list")
    return rows.to_conversation(row)


def find(connection: sqlite3.Connection, start: str) -> Conversation:
    """The one conversation whose id starts with `start`. Raises `BadOption`."""
    found = connection.execute(
        "SELECT id FROM conversations WHERE substr(id, 1, ?) = ? LIMIT 2", (len(start), start)
    ).fetchall()
    if len(found) > 1 and start not in {row["id"] for row in found}:
        raise BadOption(f"several conversations begin with {start!r}: give more of the id")
    return conversation(connection, start if len(found) != 1 else found[0]["id"])


def message_row(connection: sqlite3.Connection, id_: int) -> sqlite3.Row:
    """Raises `BadOption`."""
    row = connection.execute("SELECT * FROM messages WHERE id = ?", (id_,)).fetchone()
    if row is None:
        raise BadOption(f"there is no message {id_}: it was deleted or never stored")
    found: sqlite3.Row = row
    return found


def question_row(connection: sqlite3.Connection, id_: int) -> sqlite3.Row:
    """Raises `BadOption`."""
    row = message_row(connection, id_)
    if row["role"] != "user":
        raise BadOption(f"message {id_} is an answer: give its question")
    return row


def message(connection: sqlite3.Connection, id_: int) -> StoredMessage:
    row = message_row(connection, id_)
    return rows.to_message(
        row, siblings(connection, row["conversation"], row["parent"]), packed(connection, id_)
    )


def packed(connection: sqlite3.Connection, id_: int) -> list[bytes]:
    """The token records of an answer, in parts."""
    found = connection.execute("SELECT packed FROM tokens WHERE message = ? ORDER BY n", (id_,))
    return [row["packed"] for row in found]


def siblings(
    connection: sqlite3.Connection, conversation_id: str, parent: int | None
) -> tuple[int, ...]:
    found = connection.execute(
        "SELECT id FROM messages WHERE conversation = ? AND parent IS ? ORDER BY id",
        (conversation_id, parent),
    )
    return tuple(row["id"] for row in found)


def branch(connection: sqlite3.Connection, leaf: int | None) -> tuple[StoredMessage, ...]:
    """From the first message down to `leaf`."""
    found = connection.execute(
        f"{_BRANCH} SELECT m.* FROM branch JOIN messages m USING (id) ORDER BY depth DESC", (leaf,)
    ).fetchall()
    if found and found[0]["parent"] is not None:
        raise UnreadableRow(f"message {found[0]['id']} is below one that is missing")
    return tuple(
        rows.to_message(
            row,
            siblings(connection, row["conversation"], row["parent"]),
            packed(connection, row["id"]) if row["status"] == "streaming" else (),
        )
        for row in found
    )


def add_question(
    connection: sqlite3.Connection, id_: str, text: str, parent: int | None
) -> StoredMessage:
    """Add a question and show it. Raises `BadOption`."""
    rows.checked("the question", text)
    if not text:
        raise BadOption("the question is empty: give at least one character")
    title = conversation(connection, id_).title
    if parent is not None:
        _require_answer(connection, id_, parent)
    added = insert_message(connection, id_, parent, "user", "complete", text)
    if not title:
        connection.execute(
            "UPDATE conversations SET title = ? WHERE id = ?", (title_from(text), id_)
        )
    show(connection, id_, added)
    touch(connection, id_)
    return message(connection, added)


def _require_answer(connection: sqlite3.Connection, id_: str, parent: int) -> None:
    row = message_row(connection, parent)
    if row["conversation"] != id_:
        raise BadOption(f"message {parent} belongs to another conversation: give one of {id_!r}")
    if row["role"] != "assistant":
        raise BadOption(f"message {parent} is a question: answer it first, or edit it")


def insert_message(
    connection: sqlite3.Connection,
    id_: str,
    parent: int | None,
    role: str,
    status: str,
    text: str,
    *,
    created: int | None = None,
    provenance: str | None = None,
    outcome: str | None = None,
    writer: str | None = None,
) -> int:
    cursor = connection.execute(
        "INSERT INTO messages (conversation, parent, role, status, created, seen, text, provenance,"
        " outcome, writer) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?)",
        (
            id_, parent, role, status, rows.now() if created is None else created, text,
            provenance, outcome, writer,
        ),
    )  # fmt: skip
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def title_from(text: str) -> str:
    words = " ".join(text[: 20 * _TITLE_CHARACTERS].split())
    return words if len(words) <= _TITLE_CHARACTERS else words[: _TITLE_CHARACTERS - 1] + "…"


def show(connection: sqlite3.Connection, id_: str, leaf: int | None) -> None:
    """Make `leaf` the end of the shown branch, and of its branch when that is shown again."""
    connection.execute("UPDATE conversations SET leaf = ? WHERE id = ?", (leaf, id_))
    connection.execute(
        "UPDATE messages SET seen = 1 + (SELECT max(seen) FROM messages WHERE conversation = ?)"
        " WHERE id = ?",
        (id_, leaf),
    )


def touch(connection: sqlite3.Connection, id_: str) -> None:
    connection.execute(
        "UPDATE conversations SET updated = max(updated + 1, ?) WHERE id = ?", (rows.now(), id_)
    )


def select(connection: sqlite3.Connection, id_: int) -> int:
    """Show the branch through message `id_`, down to its last shown leaf, which is returned."""
    row = message_row(connection, id_)
    (leaf,) = connection.execute(
        f"{_BELOW} SELECT id FROM messages WHERE id IN below ORDER BY seen DESC, id DESC LIMIT 1",
        (id_,),
    ).fetchone()
    show(connection, row["conversation"], leaf)
    return int(leaf)


def undo(connection: sqlite3.Connection, id_: str) -> StoredMessage | None:
    shown = branch(connection, conversation(connection, id_).leaf)
    question = next((m for m in reversed(shown) if m.role == "user"), None)
    if question is not None:
        show(connection, id_, question.parent)
    return question


def fork(connection: sqlite3.Connection, id_: int) -> str:
    """Copy the branch down to message `id_` into a new conversation. Raises `BadOption`."""
    source = conversation(connection, message_row(connection, id_)["conversation"])
    path = [m.id for m in branch(connection, id_)]
    new = new_id(connection)
    insert_conversation(connection, new, f"{source.title} (fork)", source.system, source.team)
    parent: int | None = None
    for old in path:
        row = message_row(connection, old)
        if row["status"] == "streaming":
            raise BadOption(f"message {old} is still streaming: stop it first, then fork")
        parent = insert_message(
            connection, new, parent, row["role"], row["status"], row["text"],
            created=row["created"], provenance=row["provenance"], outcome=row["outcome"],
        )  # fmt: skip
        connection.execute(
            "INSERT INTO tokens SELECT ?, n, packed FROM tokens WHERE message = ?", (parent, old)
        )
    show(connection, new, parent)
    return new


def insert_conversation(
    connection: sqlite3.Connection, id_: str, title: str, system: str, team: str
) -> None:
    for what, text in (("the title", title), ("the system prompt", system), ("the team", team)):
        rows.checked(what, text)
    time = rows.now()
    connection.execute(
        "INSERT INTO conversations VALUES (?, ?, ?, ?, ?, ?, 0, NULL)",
        (id_, title, system, team, time, time),
    )


def delete(connection: sqlite3.Connection, ids: Sequence[str]) -> None:
    """Raises `BadOption`, and then deletes nothing."""
    for id_ in ids:
        conversation(connection, id_)
        connection.execute("UPDATE conversations SET leaf = NULL WHERE id = ?", (id_,))
        connection.execute(
            "DELETE FROM tokens WHERE message IN (SELECT id FROM messages WHERE conversation = ?)",
            (id_,),
        )
        connection.execute("DELETE FROM messages WHERE conversation = ?", (id_,))
        connection.execute("DELETE FROM conversations WHERE id = ?", (id_,))
