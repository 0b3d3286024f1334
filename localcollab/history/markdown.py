"""The shown branch as a Markdown document: ‹marks› say who wrote what, as in a terminal."""

from collections.abc import Iterator, Sequence
from io import StringIO

from localcollab.events import Finished, Token
from localcollab.history.exporting import settled
from localcollab.history.records import Conversation, Outcome, Provenance, StoredMessage
from localcollab.terminal.painter import Painter
from localcollab.terminal.visible_text import visible

_BASE = "base"
_TIME = "%Y-%m-%d %H:%M UTC"


def to_markdown(
    conversation: Conversation, shown: Sequence[tuple[StoredMessage, tuple[Token, ...]]]
) -> str:
    """`shown`: the branch, each message with its tokens."""
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
    yield from painter.summary(
        Finished(
            reason, message.text, (0,) * outcome.n_tokens, outcome.n_prompt, outcome.authors,
            outcome.seconds_prefill, outcome.seconds_decode,
        )
    )  # fmt: skip
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
