"""Which names an expert knows: the titles of its texts, told from names that only look like them.

Strange names are made of the known ones, the front of one and the rear of another, so that nothing
about a language is assumed. Where the expert spells both alike, or where titles are no names,
nothing is said about names.
"""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from localcollab.catalog import Familiarity
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.weights import load_weights
from localcollab.methods.familiarity import NAME, spelling_logprob
from localcollab_convert.expert.texts import OPENING, Text

_FEWEST = 12
_MOST = 300
_LEAST_SHARE = 0.8
"""Of the titles: where fewer are single names, names are not what the documents are about."""
_N_CTX = 256


def familiarity(expert: Path, texts: Sequence[Text], seed: int) -> Familiarity | None:
    """Between the worst-spelled hundredth of the titles and the best-spelled twentieth of strange
    names; None where these overlap. Raises `BadModelFile`."""
    titles = sorted({text.title for text in texts})
    names = [title for title in titles if NAME.fullmatch(title)]
    if len(names) < max(_FEWEST, _LEAST_SHARE * len(titles)):
        return None
    rng = random.Random(seed)
    known = rng.sample(names, min(len(names), _MOST))
    strange = mingle(names, len(known), rng)
    if len(strange) < _FEWEST:
        return None
    options = Options(n_ctx=_N_CTX)
    model = LlamaModel(load_weights(expert, options, extra_buffers=False), options, name="speller")
    worst, best = (
        float(np.quantile([spelling_logprob(model, OPENING, name) for name in spelled], share))
        for spelled, share in ((known, 0.01), (strange, 0.95))
    )
    return Familiarity(OPENING, (worst + best) / 2) if worst > best else None


def mingle(names: Sequence[str], n: int, rng: random.Random) -> list[str]:
    """Up to `n` names that are none of `names`."""
    known, made = set(names), set[str]()
    for _ in range(20 * n):
        if len(made) == n:
            break
        front, rear = rng.sample(names, 2)
        made.add(front[: len(front) // 2] + rear[len(rear) // 2 :])
        made -= known
    return sorted(made)
