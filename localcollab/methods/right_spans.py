"""What a head's second output sees of a span: the base's state after it, and how likely it was found.

How it was trained is left to `localcollab_convert.head`.
"""

import numpy as np

from localcollab.decoding.triggers import Span
from localcollab.language_model import Float32Array

N_OF_SPAN = 4
"""Values besides the hidden state: mean and least log-probability, of the author and of the base."""


def features(span: Span) -> Float32Array | None:
    """(n_embd + N_OF_SPAN,); None where the hidden state was not read, or of an alternative."""
    if span.state is None or not span.own:
        return None
    base = span.base[: len(span.own)]
    of_span = [np.mean(span.own), min(span.own), np.mean(base), min(base)]
    return np.concatenate([span.state, np.array(of_span)]).astype(np.float32)
