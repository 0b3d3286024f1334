"""One conversation for other programs: as JSON, which `import_json` reads back, or as Markdown.

JSON holds every branch and every token with its author. Markdown holds the shown branch; ‹marks› say
who wrote what, as in a terminal.
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from io import StringIO
from pathlib import Path

from localcollab import __version__
from localcollab.errors import BadOption
from localcollab.events import Token
from localcollab.history import tree
from localcollab.history.records import Conversation, Outcome, Provenance, StoredMessage
from localcollab.history.rows import unpack
from localcollab.terminal.painter import Painter
from localcollab.terminal.visible_text import visible

FORMAT = "localcollab-conversation-1"
FORMAT_OF_MANY = "localcollab-history-1"
_BASE = "base"
_TIME = "%Y-%m-%d %H:%M UTC"


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
    # In ASCII, so that no terminal or output encoding can change it.
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
    """An answer that is still streaming: what is saved, as if it were stopped now."""
    if message.status != "streaming":
        return message
    return replace(
        message, status="stopped", outcome=Outcome(notes=("exported while it was being written",))
    )


def to_markdown(
    conversation: Conversation, shown: Sequence[tuple[StoredMessage, tuple[Token, ...]]]
) -> str:
    """`shown`: the shown branch, each message with its tokens."""
    parts = [f"# {_line(conversation.title) or 'Conversation'}", _about(conversation)]
    if conversation.system:
        parts.append("## System prompt\n\n" + _text(conversation.system))
    for message, tokens in shown:
        parts += _question(message) if message.role == "user" else _answer(message, tokens)
    return "\n\n".join(parts) + "\n"


def _about(conversation: Conversation) -> str:
    team = f", team {_line(conversation.team)}" if conversation.team else ""
    return f"*Conversation {conversation.id}, {conversation.created:{_TIME}}{team}*"


def _question(message: StoredMessage) -> list[str]:
    return [f"## Question, {message.created:{_TIME}}", _text(message.text)]


@dataclass(frozen=True, slots=True)
class _Ended:
    """A stored answer, whose number of tokens is only a number."""

    reason: str
    authors: Mapping[str, int]
    tokens_per_second: float
    n_repeated: int = 0


def _answer(message: StoredMessage, tokens: tuple[Token, ...]) -> list[str]:
    message = settled(message)
    provenance, outcome = message.provenance or Provenance(), message.outcome or Outcome()
    members = list(provenance.members) or [_BASE]
    members += sorted({token.author.split("/")[0] for token in tokens} - set(members))
    out = StringIO()
    painter = Painter(out, members, colour=False, marks=True)
    _paint(painter, tokens, outcome)
    text = out.getvalue().strip("\n") if tokens else _text(message.text)
    ended = "" if message.status == "complete" else f", {message.status}"
    lines = list(_lines(provenance, outcome, painter, message))
    heading = f"## Answer by {_line(provenance.team) or 'an unnamed team'}{ended}"
    return [heading, text, "\n".join(f"- *{_line(line)}*" for line in lines)]


def _paint(painter: Painter, tokens: tuple[Token, ...], outcome: Outcome) -> None:
    for token in tokens:
        painter.write(token)
    for name in outcome.unfamiliar:
        painter.add_unfamiliar(name)
    painter.close()


def _lines(
    provenance: Provenance, outcome: Outcome, painter: Painter, message: StoredMessage
) -> Iterator[str]:
    if outcome.error:
        yield f"error: {outcome.error}"
    reason = outcome.reason or ("stopped" if message.status == "stopped" else "end")
    yield from painter.summary(_Ended(reason, outcome.authors, outcome.tokens_per_second))
    yield from outcome.notes
    if provenance.seed is not None:
        yield f"seed: {provenance.seed}"
    for name, sha256 in provenance.members.items():
        yield f"{name}: sha256 {sha256}"
    if provenance.head_sha256:
        yield f"head: sha256 {provenance.head_sha256}"


def _text(text: str) -> str:
    return visible(text).strip("\n")


def _line(text: str) -> str:
    return " ".join(visible(text).split())


def write_private(out: Path, text: str) -> None:
    """With mode 0600: conversations are private. Raises `BadOption`."""
    partial = out.with_name(out.name + ".partial")
    try:
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
                  encoding="utf-8") as file:  # fmt: skip
            file.write(text)
        os.replace(partial, out)
    except OSError as error:
        raise BadOption(f"{out} cannot be written ({error.strerror}): give another path") from error
