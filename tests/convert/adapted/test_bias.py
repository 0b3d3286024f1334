"""The head's bias: bounded by general text, best for the documents."""

import numpy as np
import pytest

from localcollab.methods.heads import Head, HeadMetadata
from localcollab_convert.adapted.bias import choose_bias
from localcollab_convert.export.likelihood import TokenTable

# The expert's logit is h: two tokens of documents, two of general text.
HIDDEN = np.array([[2.0], [2.0], [-2.0], [-2.0]], np.float16)
KINDS = np.array(["documents", "documents", "text", "chat"])
LOGPROBS = np.array([[-4.0, -4.0, -1.0, -1.0], [-1.0, -1.0, -3.0, -3.0]], np.float32).T
TABLE = TokenTable(HIDDEN, LOGPROBS.copy(), np.zeros((4, 2), np.bool_))
HEAD = Head(
    {"weight": np.ones((1, 1), np.float32), "bias": np.zeros(1, np.float32)},
    HeadMetadata("", ("",), "", ""),
)


def gained(logit: float, base: float, expert: float) -> float:
    """Of the mixture over the base, in nats."""
    share = 1 / (1 + np.exp(-logit))
    return float(np.log((1 - share) * np.exp(base) + share * np.exp(expert)) - base)


def test_general_text_bounds_what_the_documents_gain() -> None:
    gains = []
    for bound in (0.01, 0.05, 0.2):
        chosen = choose_bias(HEAD, TABLE, KINDS, bound)
        assert chosen is not None
        shift = float(chosen.head.tensors["bias"][0])
        assert chosen.about == pytest.approx(gained(2 + shift, -4, -1))
        assert chosen.lost == pytest.approx(-gained(-2 + shift, -1, -3))
        assert chosen.lost <= bound
        assert -gained(-2 + shift + 0.25, -1, -3) > bound
        gains.append(chosen.about)
    assert gains == sorted(gains)
    assert HEAD.tensors["bias"].tolist() == [0.0]


def test_the_kind_that_loses_more_counts() -> None:
    logprobs = LOGPROBS.copy()
    logprobs[2] = -9.0, -9.0  # most of the nats, and nothing lost
    chosen = choose_bias(HEAD, TokenTable(HIDDEN, logprobs, TABLE.is_argmax), KINDS, 0.05)
    alone = choose_bias(HEAD, TABLE, KINDS, 0.05)
    assert chosen is not None
    assert alone is not None
    assert chosen.head.tensors["bias"] == alone.head.tensors["bias"]


def test_an_expert_that_never_helps_is_not_chosen() -> None:
    worse = TokenTable(HIDDEN, LOGPROBS[:, ::-1].copy(), TABLE.is_argmax)
    assert choose_bias(HEAD, worse, KINDS, 9.0) is None
    assert choose_bias(HEAD, TABLE, KINDS, -0.5) is None
