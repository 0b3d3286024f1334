"""Which answers can go on, and why the others cannot."""

from localcollab.errors import BadOption
from localcollab.history import Provenance, StoredMessage
from localcollab_tui.messages import TeamFacts


def require_unfinished(answer: StoredMessage, facts: TeamFacts | None) -> None:
    """Raises `BadOption` with what to do instead."""
    why = _ended(answer) or _written_otherwise(answer.provenance or Provenance(), facts)
    if why:
        raise BadOption(f"this answer cannot go on: {why}")


def _ended(answer: StoredMessage) -> str:
    outcome = answer.outcome
    if answer.status == "failed":
        return "it failed; /regen writes another one"
    if outcome is not None and outcome.reason == "end":
        return "the model ended it; ask for more in words"
    if outcome is not None and outcome.reason == "stop_string":
        return "it ended at a stop string; /regen writes another one"
    return ""


def _written_otherwise(provenance: Provenance, facts: TeamFacts | None) -> str:
    if "docs" in provenance.options:
        return "answers from documents are checked as a whole; use /regen with a larger /set max_tokens"
    if facts is None:
        return "no team is open"
    if provenance.vocabulary != facts.vocabulary or tuple(provenance.members) != facts.members:
        return (
            f"{provenance.team or 'another team'} wrote it; /team opens that, /regen asks this one"
        )
    return ""
