"""How an answer is sampled and where it ends, unless the caller says otherwise.

The caller's own options come first, then the team's and the model's settings in models.toml, then what
the model's file recommends (its `general.sampling.*` keys), then the defaults for the use: chat and run
sample lightly, evaluation and training are greedy and use none of this.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.teams.opened import OpenTeam

CHAT_SAMPLING: Mapping[str, float] = {"temperature": 0.3, "min_p": 0.1}
"""Light: a small model's greedy answers loop, and its hot ones err. Compared with others by
scripts/experiments/sampling_defaults.py."""
DOCUMENTS_SAMPLING: Mapping[str, float] = {"temperature": 0.0}
"""Answers from documents are greedy: their words are checked against the passages."""
CHAT_MAX_TOKENS = 1024


def chat_sampling(
    team: OpenTeam, given: Mapping[str, Any], *, from_documents: bool = False
) -> Sampling:
    """`given`: the caller's own options, None where nothing was chosen. Raises `BadOption`."""
    recommended = DOCUMENTS_SAMPLING if from_documents else {**CHAT_SAMPLING, **team.recommended}
    return Sampling(**{**recommended, **team.settings.sampling, **own_options(given)})


def own_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of sampling that were chosen."""
    names = {each.name for each in fields(Sampling)}
    return {name: value for name, value in given.items() if name in names and value is not None}


def chat_limits(
    team: OpenTeam, max_tokens: int | None = None, stop: tuple[str, ...] = ()
) -> Limits:
    """Raises `BadOption`."""
    if max_tokens is None:
        max_tokens = team.settings.max_tokens or CHAT_MAX_TOKENS
    return own_limits(team, Limits(max_tokens, stop))


def own_limits(team: OpenTeam, limits: Limits) -> Limits:
    """And the strings that end an answer of this team."""
    return replace(limits, stop=(*limits.stop, *(team.settings.stop or ())))
