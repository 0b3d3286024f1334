"""A stored branch -> the turns that a `Session` goes on from."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from localcollab.chat import Turn
from localcollab.history.records import StoredMessage


def turns_of(
    shown: Sequence[StoredMessage], ids: Mapping[int, tuple[int, ...]], vocabulary: str
) -> tuple[Turn, ...]:
    """`ids`: of the answers, by message. An answer keeps its ids only in its own vocabulary.

    As in the conversation itself, a question that got no answer, or whose answer failed, is no turn.
    """
    turns: list[Turn] = []
    for question, answer in pairwise(shown):
        if question.role != "user" or answer.status == "failed":
            continue
        written_with = answer.provenance.vocabulary if answer.provenance else ""
        tokens = ids[answer.id] if written_with == vocabulary else ()
        turns.append(Turn(question.text, answer.text, tokens))
    return tuple(turns)
