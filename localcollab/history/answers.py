"""The states of an answer, on an open connection: begun, extended, ended, or left over by a crash."""

import sqlite3
from collections import Counter
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


def reopen(connection: sqlite3.Connection, id_: int, n_tokens: int, writer: str | None) -> None:
    """The answer goes on behind its first `n_tokens`; how it ended stays with it, and `finish` adds to
    that. Raises `BadOption`."""
    row = tree.message_row(connection, id_)
    if row["role"] != "assistant" or row["status"] not in ("complete", "stopped"):
        raise BadOption(f"message {id_} is not a finished answer: it cannot go on")
    records, unshown = unpack(tree.packed(connection, id_))
    if unshown:
        raise BadOption("the answer ended at a stop string: ask for another with /regen")
    text, kept = row["text"], records[:n_tokens]
    if len(kept) < len(records):
        text = "".join(token.text for token in kept)
        _replace_tokens(connection, id_, kept, ())
    outcome = rows.to_outcome(row["outcome"]) if row["outcome"] else Outcome()
    outcome = replace(
        outcome, n_tokens=len(kept), authors=dict(Counter(each.author for each in kept))
    )
    connection.execute(
        "UPDATE messages SET status = 'streaming', text = ?, outcome = ?, writer = ? WHERE id = ?",
        (text, rows.from_record(outcome), writer, id_),
    )
    tree.touch(connection, row["conversation"])


def append(connection: sqlite3.Connection, id_: int, tokens: Sequence[Token]) -> None:
    """Raises `BadOption` if the answer is not streaming."""
    _require_streaming(connection, id_)
    connection.execute(
        "INSERT INTO tokens SELECT ?, coalesce(max(n) + 1, 0), ? FROM tokens WHERE message = ?",
        (id_, pack(tokens), id_),
    )


def take_back(connection: sqlite3.Connection, id_: int, n_tokens: int) -> None:
    """Without the last tokens. Raises `BadOption` if the answer is not streaming."""
    _require_streaming(connection, id_)
    records, _ = unpack(tree.packed(connection, id_))
    _replace_tokens(connection, id_, records[: max(0, len(records) - n_tokens)], ())


def finish(connection: sqlite3.Connection, id_: int, finished: Finished, outcome: Outcome) -> None:
    """Raises `BadOption` if the answer is not streaming."""
    row = _require_streaming(connection, id_)
    before = _outcome_before(row)
    records, _ = unpack(tree.packed(connection, id_))
    # Of a loop only the first copy stays: `Finished.n_repeated`.
    records = records[: before.n_tokens + len(finished.tokens)]
    # The ids of a stop string produce no text, so no record was streamed for them.
    unshown = finished.tokens[len(records) - before.n_tokens :]
    _replace_tokens(connection, id_, records, unshown)
    status: Status = "stopped" if finished.reason == "stopped" else "complete"
    _end(connection, id_, status, row["text"] + finished.text, _joined(before, outcome))


def end_early(connection: sqlite3.Connection, id_: int, status: Status, outcome: Outcome) -> None:
    """What was saved becomes the answer. Raises `BadOption` if it is not streaming."""
    row = _require_streaming(connection, id_)
    before = _outcome_before(row)
    records, _ = unpack(tree.packed(connection, id_))
    _replace_tokens(connection, id_, records, ())
    added = records[before.n_tokens :]
    authors = dict(Counter(token.author for token in added))
    outcome = _joined(before, replace(outcome, n_tokens=len(added), authors=authors))
    text = row["text"] + "".join(token.text for token in added)
    _end(connection, id_, status, text, outcome)


def stop_orphans(connection: sqlite3.Connection, is_alive: Callable[[str], bool]) -> None:
    """Answers whose process has ended become `stopped`."""
    left = connection.execute("SELECT id, writer FROM messages WHERE status = 'streaming'")
    for row in left.fetchall():
        if row["writer"] is None or not is_alive(row["writer"]):
            end_early(connection, row["id"], "stopped", Outcome(notes=(INTERRUPTED,)))


def _outcome_before(row: sqlite3.Row) -> Outcome:
    """Of an answer that was reopened; else nothing."""
    return rows.to_outcome(row["outcome"]) if row["outcome"] else Outcome()


def _joined(before: Outcome, added: Outcome) -> Outcome:
    return replace(
        added,
        n_prompt=before.n_prompt or added.n_prompt,
        n_tokens=before.n_tokens + added.n_tokens,
        authors=dict(Counter(before.authors) + Counter(added.authors)),
        seconds_prefill=before.seconds_prefill + added.seconds_prefill,
        seconds_decode=before.seconds_decode + added.seconds_decode,
        n_repeated=before.n_repeated + added.n_repeated,
        proposed=dict(Counter(before.proposed) + Counter(added.proposed)),
        accepted=dict(Counter(before.accepted) + Counter(added.accepted)),
        unfamiliar=tuple(dict.fromkeys((*before.unfamiliar, *added.unfamiliar))),
        notes=(*before.notes, *added.notes),
    )


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


def _require_streaming(connection: sqlite3.Connection, id_: int) -> sqlite3.Row:
    row = tree.message_row(connection, id_)
    if row["status"] != "streaming":
        raise BadOption(f"message {id_} is {row['status']}, not streaming: begin a new answer")
    return row
