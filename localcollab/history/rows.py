"""Rows <-> records, and what may go into a row at all."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from localcollab.errors import BadOption
from localcollab.events import Unfamiliar
from localcollab.history.packing import unpack
from localcollab.history.records import Conversation, Outcome, Provenance, StoredMessage

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

CONVERSATION = """SELECT c.*,
    (SELECT count(*) FROM messages WHERE conversation = c.id) AS n_messages FROM conversations c"""


def now() -> int:
    return microseconds(datetime.now(UTC))


def microseconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)


def moment(stored: int) -> datetime:
    return _EPOCH + timedelta(microseconds=stored)


def checked(what: str, text: str) -> str:
    """Raises `BadOption` for what is no Unicode text; every other text can be stored."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadOption(
            f"{what} holds half a character (U+{ord(text[error.start]):04X}) at position "
            f"{error.start}: give valid Unicode"
        ) from error
    return text


def to_conversation(row: sqlite3.Row) -> Conversation:
    return Conversation(
        id=row["id"],
        title=row["title"],
        system=row["system"],
        team=row["team"],
        created=moment(row["created"]),
        updated=moment(row["updated"]),
        pinned=bool(row["pinned"]),
        leaf=row["leaf"],
        n_messages=row["n_messages"],
    )


def to_message(
    row: sqlite3.Row, siblings: tuple[int, ...], streamed: Iterable[bytes] = ()
) -> StoredMessage:
    """`streamed`: the parts of an answer that is not finished."""
    text = row["text"]
    if row["status"] == "streaming":
        text = "".join(token.text for token in unpack(streamed)[0])
    return StoredMessage(
        id=row["id"],
        conversation=row["conversation"],
        parent=row["parent"],
        role=row["role"],
        status=row["status"],
        text=text,
        created=moment(row["created"]),
        siblings=siblings,
        provenance=None if row["provenance"] is None else to_provenance(row["provenance"]),
        outcome=None if row["outcome"] is None else to_outcome(row["outcome"]),
    )


def from_record(record: Provenance | Outcome) -> str:
    """Raises `BadOption` for options that JSON cannot hold."""
    try:
        text = json.dumps(asdict(record), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadOption(f"{record} cannot be stored: {error}; give numbers and texts") from error
    return checked("what is stored with an answer", text)


def to_provenance(text: str) -> Provenance:
    return Provenance(**json.loads(text))


def to_outcome(text: str) -> Outcome:
    return outcome_from(json.loads(text))


def outcome_from(fields: Mapping[str, Any]) -> Outcome:
    """Of JSON values whose types are known to be right."""
    unfamiliar = tuple(Unfamiliar(**each) for each in fields["unfamiliar"])
    return Outcome(**{**fields, "unfamiliar": unfamiliar, "notes": tuple(fields["notes"])})
