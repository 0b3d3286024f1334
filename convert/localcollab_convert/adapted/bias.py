"""How much the team listens to the expert: as much as general text allows.

The team is the mixture of base and expert by the head. What is constant in the head is chosen on
validation data of both kinds: the best likelihood of answers about the documents among the biases at
which general text, that nothing was trained on, costs the team no more than is allowed.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from localcollab.methods.heads import Head
from localcollab_convert.export.likelihood import TokenTable, log_marginal, log_pi

ABOUT, CHAT, TEXT = "documents", "chat", "text"
"""Kinds of records: answers about the documents, general answers, general text."""
_SHIFTS = tuple(n / 4 for n in range(-40, 41))
"""Logits added to the expert's bias."""


@dataclass(frozen=True, slots=True)
class Choice:
    head: Head
    about: float
    """Nats a token that the team gains over the base, of answers about the documents."""
    lost: float
    """Nats that general text costs the team more than the base, as a share: the larger of both kinds,
    as the check takes it."""


def choose_bias(
    head: Head, table: TokenTable, kinds: npt.NDArray[np.str_], most_lost: float
) -> Choice | None:
    """`kinds` (n,): of the rows. None where no bias keeps within `most_lost` and gains anything."""
    tried = (_shifted(head, shift, table, kinds) for shift in _SHIFTS)
    kept = [choice for choice in tried if choice.lost <= most_lost and choice.about > 0]
    return max(kept, key=lambda choice: choice.about, default=None)


def _shifted(head: Head, shift: float, table: TokenTable, kinds: npt.NDArray[np.str_]) -> Choice:
    bias = (head.tensors["bias"] + np.float32(shift)).astype(np.float32)
    moved = replace(head, tensors={**head.tensors, "bias": bias})
    base = table.logprobs[:, 0].astype(np.float64)
    gain = log_marginal(log_pi(moved, table.hidden), table.logprobs) - base
    about = gain[kinds == ABOUT]
    lost = [
        float(gain[kinds == kind].sum() / min(float(base[kinds == kind].sum()), -1e-9))
        for kind in (CHAT, TEXT)
    ]
    return Choice(moved, float(about.mean()) if about.size else 0.0, max(lost))
