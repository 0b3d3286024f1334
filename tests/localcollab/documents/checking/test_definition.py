"""The examples that define "supported" in the documentation are what the check says."""

import re
from pathlib import Path

import pytest

from localcollab.documents.answer.citations import Citable, check_answer

PAGE = (Path(__file__).parents[4] / "docs/documents.md").read_text(encoding="utf-8")
SECTION = PAGE.split('## What "supported" means')[1].split("\n## ")[0]
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split("|"))[:3]
    for line in SECTION.splitlines()
    if re.search(r"\| (?:supported|weak|not found) \|", line)
]


@pytest.mark.parametrize(("source", "claim", "verdict"), ROWS)
def test_an_example_has_its_verdict(source: str, claim: str, verdict: str) -> None:
    answer, _, question = claim.rstrip(")").partition(" (asked: ")
    (found,) = check_answer(answer, [Citable(source)], question)
    assert found.support == verdict


def test_there_are_examples_of_every_verdict() -> None:
    assert {verdict for _, _, verdict in ROWS} == {"supported", "weak", "not found"}
    assert len(ROWS) > 10
