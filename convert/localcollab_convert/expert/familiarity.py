"""Which names an expert knows: its log-prob of a title, compared with names that only look like one.

Unknown names are composed of known ones, the first half of one and the second half of another, with no
assumption about the language. There is no result where the expert cannot tell them apart, or where titles
are not names.
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
from localcollab_convert.study.texts import OPENING, Text

_MIN_NAMES = 12
_MAX_NAMES = 300
_MIN_SHARE = 0.8
"""Of the titles; with fewer single names, the documents are not about names."""
_N_CTX = 256


def familiarity(expert: Path, texts: Sequence[Text], seed: int) -> Familiarity | None:
    """A threshold between the lowest percentile of the titles' log-probs and the 95th of unknown names'.

    None where these overlap. Raises `BadModelFile`.
    """
    titles = sorted({text.title for text in texts})
    names = [title for title in titles if NAME.fullmatch(title)]
    if len(names) < max(_MIN_NAMES, _MIN_SHARE * len(titles)):
        return None
    rng = random.Random(seed)
    known = rng.sample(names, min(len(names), _MAX_NAMES))
    unknown = combine_halves(names, len(known), rng)
    if len(unknown) < _MIN_NAMES:
        return None
    options = Options(n_ctx=_N_CTX)
    model = LlamaModel(load_weights(expert, options, extra_buffers=False), options, name="speller")
    lowest, highest = (
        float(np.quantile([spelling_logprob(model, OPENING, name) for name in group], share))
        for group, share in ((known, 0.01), (unknown, 0.95))
    )
    return Familiarity(OPENING, (lowest + highest) / 2) if lowest > highest else None


def combine_halves(names: Sequence[str], n: int, rng: random.Random) -> list[str]:
    """Up to `n` names that are not in `names`."""
    known, combined = set(names), set[str]()
    for _ in range(20 * n):
        if len(combined) == n:
            break
        first, second = rng.sample(names, 2)
        combined.add(first[: len(first) // 2] + second[len(second) // 2 :])
        combined -= known
    return sorted(combined)
