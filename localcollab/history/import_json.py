"""Reads an exported conversation back: everything is checked before anything is stored."""

import json
import re
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar, get_args

from localcollab.errors import BadHistory, LocalcollabError
from localcollab.events import Token
from localcollab.history import rows, tree
from localcollab.history.export import FORMAT, FORMAT_OF_MANY
from localcollab.history.json_record import Record, WrongJson, outcome_from, provenance_from
from localcollab.history.records import Outcome, Provenance, Role, Status
from localcollab.history.rows import pack

_T = TypeVar("_T")
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_STATUSES = tuple(status for status in get_args(Status) if status != "streaming")


@dataclass(frozen=True, slots=True)
class _Imported:
    number: int
    parent: int | None
    role: Role
    status: Status
    created: datetime
    text: str
    provenance: Provenance | None = None
    outcome: Outcome | None = None
    packed: bytes | None = None


def from_json(connection: sqlite3.Connection, text: str, name: str) -> list[str]:
    """Store what `export` or `salvage` wrote. Returns the ids; a taken one is replaced by a new one.
    `name` is used in errors.

    Raises `BadHistory`, and then stores nothing.
    """
    try:
        record = Record(json.loads(text), name)
        found = record.take("format", str)
        if found == FORMAT_OF_MANY:
            each = record.records("conversations")
        elif found == FORMAT:
            each = [record]
        else:
            raise record.wrong("format", f"{FORMAT!r}")
        return [_store(connection, one, _messages(one)) for one in each]
    except WrongJson as error:
        raise BadHistory(f"{error}: export the conversation again") from error
    except (ValueError, ArithmeticError, RecursionError, LocalcollabError) as error:
        raise BadHistory(
            f"{name} is not an exported conversation ({error}): export it again"
        ) from error


def _store(connection: sqlite3.Connection, record: Record, messages: list[_Imported]) -> str:
    id_ = record.take("id", str)
    if not _ID.fullmatch(id_):
        raise record.wrong("id", "1 to 64 letters and digits")
    if connection.execute("SELECT 1 FROM conversations WHERE id = ?", (id_,)).fetchone():
        id_ = tree.new_id(connection)
    title, system, team = (record.take(key, str) for key in ("title", "system", "team"))
    tree.insert_conversation(connection, id_, title, system, team)
    stored: dict[int | None, int | None] = {None: None}
    for message in messages:
        stored[message.number] = _store_message(connection, id_, stored[message.parent], message)
    leaf = record.maybe("leaf", int)
    if leaf not in stored:
        raise record.wrong("leaf", "the id of a message, or null")
    tree.show(connection, id_, stored[leaf])
    created, updated = (rows.microseconds(record.time(key)) for key in ("created", "updated"))
    connection.execute(
        "UPDATE conversations SET created = ?, updated = ?, pinned = ? WHERE id = ?",
        (created, updated, record.take("pinned", bool), id_),
    )
    return id_


def _store_message(
    connection: sqlite3.Connection, id_: str, parent: int | None, message: _Imported
) -> int:
    added = tree.insert_message(
        connection, id_, parent, message.role, message.status, message.text,
        created=rows.microseconds(message.created),
        provenance=None if message.provenance is None else rows.from_record(message.provenance),
        outcome=None if message.outcome is None else rows.from_record(message.outcome),
    )  # fmt: skip
    if message.packed is not None:
        connection.execute("INSERT INTO tokens VALUES (?, 0, ?)", (added, message.packed))
    return added


def _messages(record: Record) -> list[_Imported]:
    """Checks that parents come before their children and that questions and answers alternate."""
    roles: dict[int | None, str] = {None: "assistant"}
    messages = []
    for each in record.records("messages"):
        message = _message(each)
        if message.number in roles:
            raise each.wrong("id", "an id of its own")
        if message.parent not in roles:
            raise each.wrong("parent", "the id of an earlier message, or null")
        if roles[message.parent] == message.role:
            raise each.wrong("role", "a question below an answer, or an answer below a question")
        roles[message.number] = message.role
        messages.append(message)
    return messages


def _message(record: Record) -> _Imported:
    role: Role = record.choice("role", get_args(Role))
    fields = (record.take("id", int), record.maybe("parent", int), role)
    created, text = record.time("created"), record.take("text", str)
    if role == "user":
        return _Imported(*fields, record.choice("status", ("complete",)), created, text)
    tokens = [_token(each) for each in record.records("tokens")]
    unshown = record.all_of("unshown", int)
    return _Imported(
        *fields,
        record.choice("status", _STATUSES),
        created,
        text,
        provenance_from(record.record("provenance")),
        outcome_from(record.record("outcome")),
        pack(tokens, unshown) if tokens or unshown else None,
    )


def _token(record: Record) -> Token:
    return Token(
        id=record.count("id"),
        text=record.take("text", str),
        author=record.take("author", str),
        probability=record.share("probability"),
        p_defer=None if record.maybe("p_defer", float) is None else record.share("p_defer"),
        unsure=record.take("unsure", bool),
    )
