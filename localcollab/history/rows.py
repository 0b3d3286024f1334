"""Rows <-> records: what may go into a row, and how an answer's tokens are packed into one blob.

Tokens are stored as columns, in JSON, deflated. Probabilities are stored in millionths, so that what is
stored, exported and imported is equal.
"""

import json
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from types import NoneType
from typing import get_args

from localcollab.errors import BadHistory, BadOption
from localcollab.events import Token
from localcollab.history.json_record import Record, outcome_from, provenance_from
from localcollab.history.records import (
    Conversation,
    Outcome,
    Provenance,
    Role,
    Status,
    StoredMessage,
)
from localcollab.storage.sqlite import Types, UnreadableRow, require_types

_MILLION = 1_000_000
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
    """Raises `BadOption` for text that is not valid Unicode; every other text can be stored."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadOption(
            f"{what} holds a lone surrogate (U+{ord(text[error.start]):04X}) at position "
            f"{error.start}: give valid Unicode"
        ) from error
    return text


_CONVERSATION_TYPES: Types = {
    "id": str, "title": str, "system": str, "team": str, "created": int, "updated": int,
    "pinned": int, "leaf": (int, NoneType), "n_messages": int,
}  # fmt: skip
_MESSAGE_TYPES: Types = {
    "id": int, "conversation": str, "parent": (int, NoneType), "role": str, "status": str,
    "text": str, "created": int, "provenance": (str, NoneType), "outcome": (str, NoneType),
}  # fmt: skip


def to_conversation(row: sqlite3.Row) -> Conversation:
    require_types(row, _CONVERSATION_TYPES)
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
    """`streamed`: the saved parts of an answer that is not finished."""
    require_types(row, _MESSAGE_TYPES)
    if row["role"] not in get_args(Role) or row["status"] not in get_args(Status):
        raise UnreadableRow(f"message {row['id']} has an unknown role or status")
    text, is_streaming = row["text"], row["status"] == "streaming"
    if is_streaming:
        # An answer that goes on has the text and the outcome of what was written before.
        n_before = to_outcome(row["outcome"]).n_tokens if row["outcome"] else 0
        text += "".join(token.text for token in unpack(streamed)[0][n_before:])
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
        outcome=None if row["outcome"] is None or is_streaming else to_outcome(row["outcome"]),
    )


def from_record(record: Provenance | Outcome) -> str:
    """Raises `BadOption` for options that JSON cannot hold."""
    try:
        text = json.dumps(asdict(record), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadOption(
            f"the {type(record).__name__.lower()} of an answer cannot be stored ({error}): use finite "
            "numbers and texts only"
        ) from error
    return checked("what is stored with an answer", text)


def to_provenance(text: str) -> Provenance:
    """Raises `ValueError`, as every reading of a damaged row."""
    return provenance_from(Record(json.loads(text), "provenance"))


def to_outcome(text: str) -> Outcome:
    return outcome_from(Record(json.loads(text), "outcome"))


def pack(tokens: Sequence[Token], unshown: Sequence[int] = ()) -> bytes:
    """`unshown`: ids after the last record that produce no text (of a stop string)."""
    authors = list(dict.fromkeys(token.author for token in tokens))
    columns = {
        "ids": [token.id for token in tokens],
        "texts": [token.text for token in tokens],
        "authors": authors,
        "author": [authors.index(token.author) for token in tokens],
        "p": [_millionths(token.probability) for token in tokens],
        "p_defer": [
            None if token.p_defer is None else _millionths(token.p_defer) for token in tokens
        ],
        "unsure": [n for n, token in enumerate(tokens) if token.unsure],
        "unshown": list(unshown),
    }
    return zlib.compress(json.dumps(columns, separators=(",", ":")).encode())


def unpack(blobs: Iterable[bytes]) -> tuple[tuple[Token, ...], tuple[int, ...]]:
    """The records and the unshown ids of one answer, from its saved parts. Raises `BadHistory`."""
    tokens: list[Token] = []
    unshown: list[int] = []
    for blob in blobs:
        columns = _columns(blob)
        unsure = set(columns["unsure"])
        columns_by_token = zip(
            columns["ids"], columns["texts"], columns["author"], columns["p"], columns["p_defer"],
            strict=True,
        )  # fmt: skip
        for n, (id_, text, author, p, p_defer) in enumerate(columns_by_token):
            asked = None if p_defer is None else p_defer / _MILLION
            name = columns["authors"][author]
            tokens.append(Token(id_, text, name, p / _MILLION, asked, n in unsure))
        unshown += columns["unshown"]
    return tuple(tokens), tuple(unshown)


def unpack_ids(blobs: Iterable[bytes]) -> tuple[int, ...]:
    """All ids, as generated. Raises `BadHistory`."""
    parts = [_columns(blob) for blob in blobs]
    return tuple(id_ for part in parts for id_ in [*part["ids"], *part["unshown"]])


def rounded(token: Token) -> Token:
    """As it is stored."""
    return unpack([pack([token])])[0][0]


def _millionths(p: float) -> int:
    if not -1e-3 <= p <= 1 + 1e-3:
        raise BadHistory(f"a token has probability {p}, outside 0 to 1: use another model file")
    return round(min(max(p, 0.0), 1.0) * _MILLION)


def _columns(blob: bytes) -> dict[str, list]:  # type: ignore[type-arg]
    try:
        columns: dict[str, list] = json.loads(zlib.decompress(blob))  # type: ignore[type-arg]
    except (zlib.error, ValueError) as error:
        raise BadHistory(
            f"the token records of an answer are damaged ({error}): restore a backup of the history"
        ) from error
    return columns
