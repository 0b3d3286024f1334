"""What the other models changed: how likely the base alone would have found each written token.

On demand, because it reads the answer once more. Of a composition the base alone is the anchor without
its bridge, on a context of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from localcollab.decoding.likelihood import read_gold
from localcollab.events import Token
from localcollab.teams.opened import OpenTeam


@dataclass(frozen=True, slots=True)
class Explained:
    """In the order of the answer's tokens."""

    alone: tuple[float, ...]
    """Their probability without the other models."""
    drops: tuple[float, ...]
    """How much less that is than what the team gave them; below 0 where it is more."""


def explain(team: OpenTeam, prompt: Sequence[int], written: Sequence[Token]) -> Explained:
    """`prompt`: as the answer was begun from. Raises what `read` raises."""
    tokens = [*prompt, *(token.id for token in written)]
    alone = np.exp(read_gold(team.base, tokens, range(len(prompt), len(tokens))).logprobs).tolist()
    drops = tuple(
        token.probability - without for token, without in zip(written, alone, strict=True)
    )
    return Explained(tuple(alone), drops)


def words_that_drop(written: Sequence[Token], found: Explained, least: float = 0.1) -> list[str]:
    """Neighbouring tokens whose probability drops by `least` or more, as texts with the largest drop."""
    runs: list[tuple[str, float]] = []
    before = -2
    for n, (token, drop) in enumerate(zip(written, found.drops, strict=True)):
        if drop < least:
            continue
        if before == n - 1:
            text, largest = runs.pop()
            runs.append((text + token.text, max(largest, drop)))
        else:
            runs.append((token.text, drop))
        before = n
    return [f"{text.strip()} (-{drop:.2f})" for text, drop in runs if text.strip()]
