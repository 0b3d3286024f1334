"""The benchmark of the check on a few pairs an edit; the documented figures come from the script."""

from pathlib import Path

import pytest

import claims
from claim_edits import WRONG
from claim_paraphrases import HARMLESS
from conftest import fixture_file


def shares(pairs: list[claims.Pair]) -> tuple[float, float]:
    found = claims.measure(pairs, 0)
    worst, harmless = found["wrong, worst share"], found["harmless, share"]
    assert isinstance(worst, float)
    assert isinstance(harmless, float)
    return worst, harmless


def test_no_wrong_claim_of_invented_documents_is_called_supported() -> None:
    worst, harmless = shares(claims.make_pairs(None, "dev", 10))
    assert worst == 0
    assert harmless >= 0.85


@pytest.mark.slow
def test_no_wrong_claim_about_real_sentences_is_called_supported() -> None:
    data = fixture_file("data", "xquad.en.json").parent
    worst, harmless = shares(claims.make_pairs(data, "dev", 40))
    assert worst == 0
    assert harmless >= 0.85


def test_the_splits_share_no_template() -> None:
    splits = [
        {p.source for p in claims.make_pairs(None, split, 3, seed=1)}
        for split in ("dev", "held-out")
    ]
    assert not splits[0] & splits[1]


def test_there_are_edits_of_every_kind() -> None:
    assert len(WRONG) >= 25
    assert len(HARMLESS) >= 15
    assert Path(claims.__file__).with_name("claim_templates.json").is_file()
