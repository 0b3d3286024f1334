"""Pairs written by hand, of kinds of documents and of edits that no program here makes."""

from pathlib import Path

import pytest

from localcollab.documents.answer.citations import Citable, check_answer, is_supported

LINES = Path(__file__).with_name("hand_made.txt").read_text(encoding="utf-8").splitlines()[1:]


@pytest.mark.parametrize("line", LINES)
def test_a_pair_is_judged_as_a_reader_would(line: str) -> None:
    wanted, source, claim, *question = (part.strip() for part in line.split(" | "))
    claims = check_answer(claim, [Citable(source)], *question)
    assert is_supported(claims) == (wanted == "+")
