"""Between the history and a session: who answers, and the turns a session continues from."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from localcollab.history.records import Provenance, StoredMessage

if TYPE_CHECKING:
    from localcollab.chat.transcript import Turn
    from localcollab.teams.opened import OpenTeam


def provenance_of(
    team: "OpenTeam",
    *,
    head: Path | None = None,
    options: Mapping[str, object] | None = None,
    seed: int | None = None,
) -> Provenance:
    """`head`: the plan's file; `options`: JSON values."""
    import hashlib

    sha256 = None if head is None else hashlib.sha256(head.read_bytes()).hexdigest()
    return Provenance(
        team=team.name,
        head_sha256=sha256,
        members={name: verdict.sha256 for name, verdict in team.verdicts.items()},
        vocabulary=team.base.vocabulary.fingerprint,
        options=dict(options or {}),
        seed=seed,
    )


def turns_of(
    shown: Sequence[StoredMessage], ids: Mapping[int, tuple[int, ...]], vocabulary: str
) -> "tuple[Turn, ...]":
    """A stored branch as the turns that a `Session` continues from. `ids`: of the answers, by message.

    An answer keeps its ids only if `vocabulary` is the one it was written in. As in the conversation
    itself, a question without an answer, or with a failed one, is not a turn.
    """
    from localcollab.chat.transcript import Turn

    turns: list[Turn] = []
    for question, answer in pairwise(shown):
        if question.role != "user" or answer.status == "failed":
            continue
        written_with = answer.provenance.vocabulary if answer.provenance else ""
        tokens = ids[answer.id] if written_with == vocabulary else ()
        turns.append(Turn(question.text, answer.text, tokens))
    return tuple(turns)
