"""--explain: what the base alone would have given the tokens that were written."""

import numpy as np
import pytest

from fakes import N_VOCAB, ScriptedModel
from localcollab.evaluation.explain import Explained, explain, words_that_drop
from localcollab.events import Token
from localcollab.teams.opened import OpenTeam


def token(id_: int, text: str, probability: float) -> Token:
    return Token(id_, text, "calm", probability)


def test_each_token_is_held_against_what_the_base_alone_gave_it() -> None:
    base = ScriptedModel(b"ab", name="base")
    team = OpenTeam("t", base, {"base": base}, {}, None)
    written = [token(ord("a"), "a", 0.9), token(ord("z"), "z", 0.8)]
    found = explain(team, [1, 2], written)
    rows = base.read([1, 2, ord("a")], last=2).logits.astype(np.float64)
    p = np.exp(rows) / np.exp(rows).sum(axis=1, keepdims=True)
    want = (p[0, ord("a")], p[1, ord("z")])
    assert found.alone == pytest.approx(want, abs=1e-6)
    assert found.drops == pytest.approx((0.9 - want[0], 0.8 - want[1]), abs=1e-6)
    assert N_VOCAB == rows.shape[1]


def test_neighbours_that_drop_are_one_piece_with_the_largest_drop() -> None:
    written = [token(n, text, 1.0) for n, text in enumerate((" One", " do", "se", " is", " 5"))]
    found = Explained((1.0, 0.4, 0.1, 1.0, 0.2), (0.0, 0.6, 0.9, 0.0, 0.8))
    assert words_that_drop(written, found) == ["dose (-0.90)", "5 (-0.80)"]
