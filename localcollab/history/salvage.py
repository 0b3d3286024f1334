"""What can still be read of a damaged history, as JSON for `import_json`, and what was lost.

The rows come from `storage.pages`, without the schema and without SQLite. A message whose question is
lost gets a placeholder in its place; one whose conversation is lost gets a conversation of its own id.
"""

import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from localcollab import __version__
from localcollab.errors import BadHistory
from localcollab.history import rows
from localcollab.history.export import FORMAT, FORMAT_OF_MANY
from localcollab.history.records import Outcome, Provenance, Role, Status
from localcollab.storage import pages
from localcollab.storage.os_errors import explained

LOST_QUESTION = "[this question could not be read]"


@dataclass(slots=True)
class Lost:
    """At least: what a damaged page held, no other page may know."""

    rows: int = 0
    """Rows that are there and not readable."""
    conversations: int = 0
    """Their titles, system prompts and teams; their messages are kept."""
    messages: int = 0
    """Messages that others refer to."""
    tokens: int = 0
    """Answers without their token records; their texts are kept."""


@dataclass(frozen=True, slots=True)
class Salvaged:
    record: dict[str, Any]
    """For `import_json`."""
    n_conversations: int
    n_messages: int
    lost: Lost

    def summary(self) -> str:
        lost = self.lost
        parts = {
            "rows": lost.rows, "titles and teams of conversations": lost.conversations,
            "messages": lost.messages, "answers' token records": lost.tokens,
        }  # fmt: skip
        missing = ", ".join(f"{n} {what}" for what, n in parts.items() if n)
        return (
            f"read: {self.n_conversations} conversations, {self.n_messages} messages; lost, at least: "
            f"{missing or 'nothing'}"
        )


@dataclass(slots=True)
class _Found:
    conversations: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: dict[int, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[int, dict[int, bytes]] = field(default_factory=dict)


def salvage(path: Path) -> Salvaged:
    """Raises `BadHistory` for a file that cannot be opened, or in which nothing is found."""
    lost = Lost()
    try:
        found = _found(pages.rows(pages.read_pages(path)), lost)
    except OSError as error:
        raise BadHistory(explained(error, path)) from error
    if not found.messages and not found.conversations:
        raise BadHistory(f"{path}: no conversation can be read from it: restore a backup")
    ids = {message["conversation"] for message in found.messages.values()}
    lost.conversations = len(ids - set(found.conversations))
    records = [_conversation(found, id_, lost) for id_ in sorted(ids | set(found.conversations))]
    record = {"format": FORMAT_OF_MANY, "localcollab": __version__, "conversations": records}
    return Salvaged(record, len(records), len(found.messages), lost)


def _found(all_rows: Iterable[pages.Row | None], lost: Lost) -> _Found:
    """Which table a row is of shows in its values: nothing else in the file has their form."""
    found = _Found()
    for row in all_rows:
        match row:
            case None:
                lost.rows += 1
            case pages.Row(int(id_), (None, *rest)) if len(rest) == 10:
                _add(found.messages, id_, _message_row(rest), lost)
            case pages.Row(int(), (bytes(id_), *rest)) if len(rest) == 7:
                _add(found.conversations, _text(id_), _conversation_row(rest), lost)
            case pages.Row(None, (int(message), int(n), bytes(packed))):
                found.tokens.setdefault(message, {})[n] = packed
    return found


def _add(
    table: dict[Any, dict[str, Any]], key: Any, row: dict[str, Any] | None, lost: Lost
) -> None:
    if key is None or row is None:
        lost.rows += 1
    else:
        table[key] = row


def _typed(names: str, values: list[pages.Value], kinds: tuple[Any, ...]) -> dict[str, Any] | None:
    """Texts decoded; None where a value is not of its kind."""
    row = dict(zip(names.split(), values, strict=True))
    for (name, value), kind in zip(row.items(), kinds, strict=True):
        if kind is str or (kind == (str, NoneType) and value is not None):
            value = row[name] = _text(value)  # type: ignore[assignment]
        if not isinstance(value, kind):
            return None
    return row


def _message_row(values: list[pages.Value]) -> dict[str, Any] | None:
    names = "conversation parent role status created seen text provenance outcome writer"
    optional = (str, NoneType)
    kinds = (str, (int, NoneType), str, str, int, int, str, optional, optional, object)
    row = _typed(names, values, kinds)
    if row is None or row["role"] not in get_args(Role) or row["status"] not in get_args(Status):
        return None
    return row


def _conversation_row(values: list[pages.Value]) -> dict[str, Any] | None:
    kinds = (str, str, str, int, int, int, (int, NoneType))
    return _typed("title system team created updated pinned leaf", values, kinds)


def _text(value: object) -> str | None:
    try:
        return value.decode() if isinstance(value, bytes) else None
    except UnicodeDecodeError:
        return None


def _conversation(found: _Found, id_: str, lost: Lost) -> dict[str, Any]:
    mine = {n: m for n, m in sorted(found.messages.items()) if m["conversation"] == id_}
    times = [message["created"] for message in mine.values()]
    row = found.conversations.get(id_) or {
        "title": "", "system": "", "team": "", "created": min(times), "updated": max(times),
        "pinned": 0, "leaf": max(mine),
    }  # fmt: skip
    record: dict[str, Any] = {
        "format": FORMAT,
        "localcollab": __version__,
        "id": id_,
        "title": row["title"] or next((m["text"] for m in mine.values()), "")[:60],
        "system": row["system"],
        "team": row["team"],
        "created": _time(row["created"]),
        "updated": _time(row["updated"]),
        "pinned": bool(row["pinned"]),
    }
    messages = _messages(found, mine, lost)
    leaf = row["leaf"]
    if leaf is not None and leaf not in mine:
        lost.messages += 1
        leaf = max(mine, default=None)
    return record | {"leaf": leaf, "messages": messages}


def _messages(found: _Found, mine: dict[int, dict[str, Any]], lost: Lost) -> list[dict[str, Any]]:
    """Parents first. A placeholder's number is below zero."""
    messages: list[dict[str, Any]] = []
    for number, row in mine.items():
        parent = row["parent"]
        is_there = parent in mine and parent < number and mine[parent]["role"] != row["role"]
        if not is_there:
            lost.messages += parent is not None
            parent = None
        if row["role"] == "user":
            messages.append(_message(number, parent, row))
            continue
        if parent is None:
            messages.append(_message(-number, None, row) | {
                "role": "user", "status": "complete", "text": LOST_QUESTION,
            })  # fmt: skip
            parent = -number
        messages.append(_message(number, parent, row) | _answer(found, number, row, lost))
    return messages


def _message(number: int, parent: int | None, row: dict[str, Any]) -> dict[str, Any]:
    role = row["role"]
    # Another process may still have been writing it.
    status = "stopped" if row["status"] == "streaming" else row["status"]
    return {
        "id": number,
        "parent": parent,
        "role": role,
        "status": "complete" if role == "user" else status,
        "created": _time(row["created"]),
        "text": row["text"],
    }


def _answer(found: _Found, number: int, row: dict[str, Any], lost: Lost) -> dict[str, Any]:
    parts = [packed for _, packed in sorted(found.tokens.get(number, {}).items())]
    try:
        tokens, unshown = rows.unpack(parts)
    except (BadHistory, ValueError, TypeError, LookupError, zlib.error):
        tokens, unshown, parts = (), (), []
    outcome = _outcome(row["outcome"])
    if not parts and outcome.n_tokens:
        lost.tokens += 1
    if row["status"] == "streaming" and tokens:
        row = row | {"text": "".join(token.text for token in tokens)}
    return {
        "text": row["text"],
        "provenance": asdict(_provenance(row["provenance"])),
        "outcome": asdict(outcome),
        "tokens": [asdict(token) for token in tokens],
        "unshown": list(unshown),
    }


def _outcome(text: str | None) -> Outcome:
    try:
        return rows.to_outcome(text) if text else Outcome()
    except (ValueError, RecursionError):
        return Outcome(notes=("how this answer ended could not be read",))


def _provenance(text: str | None) -> Provenance:
    try:
        return rows.to_provenance(text) if text else Provenance()
    except (ValueError, RecursionError):
        return Provenance()


def _time(stored: int) -> str:
    try:
        return rows.moment(stored).isoformat()
    except OverflowError:
        return rows.moment(0).isoformat()
