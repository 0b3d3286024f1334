"""Bits a byte, and what may be lost of them."""

import math
from pathlib import Path

import numpy as np
import pytest

from localcollab.catalog import SHIPPED
from localcollab.language_model import log_softmax
from localcollab.teams.open import open_team
from localcollab.teams.plan import Member, TeamPlan
from localcollab_convert.adapted.ability import Ability, measure_ability
from localcollab_convert.adapted.general_text import Turn, read_general
from localcollab_convert.adapted.rows import RowMaker

pytestmark = pytest.mark.weights
BASE = SHIPPED / "formulary" / "base.gguf"


def test_bits_a_byte_are_those_of_every_prefix_alone() -> None:
    team = open_team(TeamPlan("base", (Member("base", BASE),)))
    maker = RowMaker(team.base.vocabulary, team.template, 256)
    prose, turn = "The maker of tea.", Turn("Hello?", "Good day.")
    found = measure_ability((team.model, team.model), maker, [prose], [turn], lambda _: None)
    assert found.lost(1) == 0
    (row,) = maker.conversation([turn])
    texts = team.base.vocabulary.encode(prose, bos=True)
    for tokens, first, n_bytes, measured in (
        (texts, 1, len(prose), found.text[0]),
        (list(row.tokens), row.learned.index(True), len(turn.answer), found.chat[0]),
    ):
        nats = 0.0
        for at in range(first, len(tokens)):
            logits = team.model.read(tokens[:at]).logits
            nats -= float(log_softmax(logits)[-1, tokens[at]])
        assert measured == pytest.approx(nats / math.log(2) / n_bytes, rel=1e-2)
    assert np.isfinite(found.text[0])


def test_the_larger_rise_counts() -> None:
    found = Ability((1.0, 1.01, 1.5), (2.0, 2.1, 2.0))
    assert found.lost(1) == pytest.approx(0.05)
    assert found.lost(2) == pytest.approx(0.5)


def test_a_torn_line_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "general.jsonl"
    path.write_text('["a", "b"]\n["c", "d')
    assert read_general(path) == [Turn("a", "b")]
    assert path.read_text() == '["a", "b"]\n'
