"""Reads an exported conversation back: everything is checked before anything is stored."""

import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, get_args

from localcollab.errors import BadHistory, LocalcollabError
from localcollab.events import FinishReason, Token
from localcollab.history import rows, tree
from localcollab.history.export import FORMAT
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


class _Record:
    """A JSON object and its place in the file; taking a value checks its type."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise BadHistory(f"{where} is not a JSON object: export the conversation again")
        self._value, self.where = value, where

    def take(self, key: str, kind: type[_T]) -> _T:
        if key not in self._value:
            raise BadHistory(f"{self.where} lacks {key!r}: export the conversation again")
        value = self._value[key]
        if kind is float and type(value) is int:
            value = float(value)
        # Not isinstance: true is not a number.
        if type(value) is not kind:
            raise self.wrong(key, f"of type {kind.__name__}")
        if isinstance(value, str):
            rows.checked(f"{self.where}: {key}", value)
        return value

    def maybe(self, key: str, kind: type[_T]) -> _T | None:
        return None if self._value.get(key, ...) is None else self.take(key, kind)

    def choice(self, key: str, choices: tuple[str, ...]) -> Any:
        value = self.take(key, str)
        if value not in choices:
            raise self.wrong(key, f"one of {', '.join(choices)}")
        return value

    def count(self, key: str) -> int:
        value = self.take(key, int)
        if value < 0:
            raise self.wrong(key, "0 or more")
        return value

    def share(self, key: str) -> float:
        value = self.take(key, float)
        if not 0 <= value <= 1:
            raise self.wrong(key, "from 0 to 1")
        return value

    def time(self, key: str) -> datetime:
        try:
            time = datetime.fromisoformat(self.take(key, str))
        except ValueError as error:
            raise self.wrong(key, "a time (ISO 8601)") from error
        if time.tzinfo is None:
            raise self.wrong(key, "a time with its offset from UTC")
        return time

    def records(self, key: str) -> "list[_Record]":
        values = self.take(key, list)
        return [_Record(each, f"{self.where}: {key}[{n}]") for n, each in enumerate(values)]

    def record(self, key: str) -> "_Record":
        return _Record(self.take(key, dict), f"{self.where}: {key}")

    def mapping(self, key: str, kind: type[_T]) -> dict[str, _T]:
        record = self.record(key)
        return {rows.checked(record.where, name): record.take(name, kind) for name in record._value}

    def all_of(self, key: str, kind: type[_T]) -> tuple[_T, ...]:
        values = self.take(key, list)
        each = _Record({str(n): value for n, value in enumerate(values)}, f"{self.where}: {key}")
        return tuple(each.take(str(n), kind) for n in range(len(values)))

    def wrong(self, key: str, wanted: str) -> BadHistory:
        value = repr(self._value[key])[:80]
        return BadHistory(f"{self.where}: {key} is {value}, not {wanted}: export it again")


def from_json(connection: sqlite3.Connection, text: str, name: str) -> str:
    """Store it and return its id, a new one if the id is taken. `name` is used in errors.

    Raises `BadHistory`, and then stores nothing.
    """
    try:
        record = _Record(json.loads(text), name)
        found = record.take("format", str)
        if found != FORMAT:
            raise record.wrong("format", f"{FORMAT!r}")
        return _store(connection, record, _messages(record))
    except BadHistory:
        raise
    except (ValueError, RecursionError, LocalcollabError) as error:
        raise BadHistory(
            f"{name} is not an exported conversation ({error}): export it again"
        ) from error


def _store(connection: sqlite3.Connection, record: _Record, messages: list[_Imported]) -> str:
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


def _messages(record: _Record) -> list[_Imported]:
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


def _message(record: _Record) -> _Imported:
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
        _provenance(record.record("provenance")),
        _outcome(record.record("outcome")),
        pack(tokens, unshown) if tokens or unshown else None,
    )


def _provenance(record: _Record) -> Provenance:
    options: Mapping[str, object] = record.take("options", dict)
    return Provenance(
        team=record.take("team", str),
        head_sha256=record.maybe("head_sha256", str),
        members=record.mapping("members", str),
        vocabulary=record.take("vocabulary", str),
        options=options,
        seed=record.maybe("seed", int),
    )


def _outcome(record: _Record) -> Outcome:
    reason: FinishReason | None = None
    if record.maybe("reason", str) is not None:
        reason = record.choice("reason", get_args(FinishReason))
    names = [(each.take("expert", str), each.take("name", str)) for each in
             record.records("unfamiliar")]  # fmt: skip
    return rows.outcome_from(
        {
            "reason": reason,
            "n_prompt": record.count("n_prompt"),
            "n_tokens": record.count("n_tokens"),
            "authors": record.mapping("authors", int),
            "seconds_prefill": record.take("seconds_prefill", float),
            "seconds_decode": record.take("seconds_decode", float),
            "unfamiliar": [{"expert": expert, "name": name} for expert, name in names],
            "notes": record.all_of("notes", str),
            "error": record.maybe("error", str),
        }
    )


def _token(record: _Record) -> Token:
    return Token(
        id=record.count("id"),
        text=record.take("text", str),
        author=record.take("author", str),
        probability=record.share("probability"),
        p_defer=None if record.maybe("p_defer", float) is None else record.share("p_defer"),
        unsure=record.take("unsure", bool),
    )
