"""A team whose experts write something else where they are asked; what is seen when it goes back."""

from collections.abc import Mapping, Sequence

import numpy as np

from fakes import ScriptedModel
from localcollab.events import Event, Retracted, Token
from localcollab.language_model import Float32Array
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import softmax_gate


def team_of(
    base: ScriptedModel,
    experts: Sequence[ScriptedModel],
    rates: Mapping[int, tuple[float, ...]],
    n_prompt: int,
) -> DeferralTeam:
    """`rates`: of the experts, by place in the answer; elsewhere none is asked."""
    p = np.zeros((512, len(experts)), np.float32)
    for at, asked in rates.items():
        p[n_prompt + at - 1] = asked

    def p_defer(hidden: Float32Array) -> Float32Array:
        n_read = base.reads[-1][0]
        return p[n_read - len(hidden) : n_read]

    return DeferralTeam("team", base, experts, softmax_gate(p_defer))


def shown(events: Sequence[Event]) -> str:
    """What somebody shows who takes back what he is told to."""
    tokens: list[Token] = []
    for event in events:
        if isinstance(event, Token):
            tokens.append(event)
        elif isinstance(event, Retracted):
            taken = tokens[len(tokens) - event.n_tokens :]
            assert "".join(token.text for token in taken) == event.text
            del tokens[len(tokens) - event.n_tokens :]
    return "".join(token.text for token in tokens)
