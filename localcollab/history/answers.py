"""The states of an answer, on an open connection: begun, extended, ended, or left over by a crash."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace

from localcollab.errors import BadOption
from localcollab.events import Finished, Token
from localcollab.history import rows, tree
from localcollab.history.records import Outcome, Provenance, Status
from localcollab.history.rows import pack, unpack

INTERRUPTED = "the program ended while this answer was being written"


def begin(
    connection: sqlite3.Connection, question: int, provenance: Provenance, writer: str | None
) -> int:
    """Raises `BadOption`."""
    row = tree.question_row(connection, question)
    id_ = tree.insert_message(
        connection, row["conversation"], question, "assistant", "streaming", "",
        provenance=rows.from_record(provenance), writer=writer,
    )  # fmt: skip
    connection.execute(
        "UPDATE conversations SET team = ? WHERE id = ?",
        (provenance.team, row["conversation"]),
    )
    tree.show(connection, row["conversation"], id_)
    tree.touch(connection, row["conversation"])
    return id_


def append(connection: sqlite3.Connection, id_: int, tokens: Sequence[Token]) -> None:
    """Raises `BadOption` if the answer is not streaming."""
    _require_streaming(connection, id_)
    connection.execute(
        "INSERT INTO tokens SELECT ?, coalesce(max(n) + 1, 0), ? FROM tokens WHERE message = ?",
        (id_, pack(tokens), id_),
    )


def finish(connection: sqlite3.Connection, id_: int, finished: Finished, outcome: Outcome) -> None:
    """Raises `BadOption` if the answer is not streaming."""
    _require_streaming(connection, id_)
    records, _ = unpack(tree.packed(connection, id_))
    # Of a loop only the first copy stays: `Finished.n_repeated`.
    records = records[: len(finished.tokens)]
    # The ids of a stop string produce no text, so no record was streamed for them.
    _replace_tokens(connection, id_, records, finished.tokens[len(records) :])
    status: Status = "stopped" if finished.reason == "stopped" else "complete"
    _end(connection, id_, status, finished.text, outcome)


def end_early(connection: sqlite3.Connection, id_: int, status: Status, outcome: Outcome) -> None:
    """What was saved becomes the answer. Raises `BadOption` if it is not streaming."""
    _require_streaming(connection, id_)
    records, _ = unpack(tree.packed(connection, id_))
    _replace_tokens(connection, id_, records, ())
    authors = dict.fromkeys(dict.fromkeys(token.author for token in records), 0)
    for token in records:
        authors[token.author] += 1
    outcome = replace(outcome, n_tokens=len(records), authors=authors)
    _end(connection, id_, status, "".join(token.text for token in records), outcome)


def stop_orphans(connection: sqlite3.Connection, is_alive: Callable[[str], bool]) -> None:
    """Answers whose process has ended become `stopped`."""
    left = connection.execute("SELECT id, writer FROM messages WHERE status = 'streaming'")
    for row in left.fetchall():
        if row["writer"] is None or not is_alive(row["writer"]):
            end_early(connection, row["id"], "stopped", Outcome(notes=(INTERRUPTED,)))


def _replace_tokens(
    connection: sqlite3.Connection, id_: int, records: Sequence[Token], unshown: Sequence[int]
) -> None:
    connection.execute("DELETE FROM tokens WHERE message = ?", (id_,))
    if records or unshown:
        connection.execute("INSERT INTO tokens VALUES (?, 0, ?)", (id_, pack(records, unshown)))


def _end(
    connection: sqlite3.Connection, id_: int, status: Status, text: str, outcome: Outcome
) -> None:
    connection.execute(
        "UPDATE messages SET status = ?, text = ?, outcome = ?, writer = NULL WHERE id = ?",
        (status, rows.checked("the answer", text), rows.from_record(outcome), id_),
    )
    tree.touch(connection, tree.message_row(connection, id_)["conversation"])


def _require_streaming(connection: sqlite3.Connection, id_: int) -> None:
    status = tree.message_row(connection, id_)["status"]
    if status != "streaming":
        raise BadOption(f"message {id_} is {status}, not streaming: begin a new answer")
