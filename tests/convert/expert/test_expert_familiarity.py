"""Which names an expert knows."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from invented_texts import invented
from localcollab.catalog import SHIPPED
from localcollab_convert.expert.familiarity import combine_halves, familiarity
from localcollab_convert.study.texts import Text

pytestmark = pytest.mark.weights

BASE = SHIPPED / "formulary" / "base.gguf"


def test_strange_names_are_made_of_known_ones() -> None:
    names = [text.title for text in invented(9)]
    assert combine_halves(names, 12, random.Random(0)) == ["Kimlin", "Kimmab", "Kimzol"]
    assert combine_halves(["Alpha", "Omega"], 50, random.Random(0)) == ["Alega", "Ompha"]


def test_titles_that_are_no_names_tell_nothing_about_names() -> None:
    texts = [replace(text, title=f"About {text.title}") for text in invented(16)]
    assert familiarity(BASE, texts, 0) is None
    assert familiarity(BASE, invented(5), 0) is None


def test_names_are_known_only_where_they_are_spelled_better_than_strange_ones() -> None:
    fronts, rears = (
        ("Bor", "Vel", "Kim", "Tan", "Zer", "Lum"),
        ("dex", "lin", "mab", "zol", "rin", "pho"),
    )
    names = [f + r for i, f in enumerate(fronts) for j, r in enumerate(rears) if (i + j) % 2]
    texts = [Text(name, ("It is green.",), Path("x")) for name in names]
    assert len(combine_halves(names, 18, random.Random(0))) == 18
    assert familiarity(BASE, texts, 0) is None
    knowing = familiarity(SHIPPED / "formulary" / "formulary.gguf", monographs(), 0)
    assert knowing is not None
    assert knowing.opening == "# "
    assert -7 < knowing.least_logprob < -3


def monographs() -> list[Text]:
    """The first forty that the shipped expert was trained on."""
    whole = (SHIPPED / "formulary" / "monographs.txt").read_text()
    titles = [line[2:] for line in whole.splitlines() if line.startswith("# ")][:40]
    return [Text(title, ("It is green.",), Path("x")) for title in titles]
