"""Halves of tasks have nothing in common, and a verdict is right by the rule that its script states."""

import json
from pathlib import Path

import pytest

from verdicts import by_article, by_split, holds, in_two, popular


@pytest.mark.parametrize(
    ("decision", "gain", "is_right"),
    [
        ("team", 0.01, True), ("team", 0.0, False), ("member", 0.04, True),
        ("member", 0.05, False), ("member", -0.3, True), ("unknown", 0.0, False),
    ],
)  # fmt: skip
def test_a_verdict_is_right_when_its_choice_is(decision: str, gain: float, is_right: bool) -> None:
    assert holds(decision, gain, 0.05) is is_right


def test_the_halves_are_the_splits_of_the_data(tmp_path: Path) -> None:
    file = tmp_path / "task.jsonl"
    records = [
        {"prompt": str(n), "split": "test" if n % 2 else "dev", "popularity": n} for n in range(6)
    ]
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    first, second = popular(by_split(file))
    assert [[r["prompt"] for r in half] for half in (first, second)] == [
        ["4", "2", "0"], ["5", "3", "1"],
    ]  # fmt: skip
    assert all(r["stop"] == ["\n"] for r in (*first, *second))


def test_no_article_is_in_both_halves(tmp_path: Path) -> None:
    def article(n: int) -> object:
        asked = {"question": f"{n}?", "answers": [{"text": str(n), "answer_start": 0}]}
        return {"title": str(n), "paragraphs": [{"context": f"{n}.", "qas": [asked]}]}

    file = tmp_path / "xquad.json"
    file.write_text(json.dumps({"data": [article(n) for n in range(4)]}))
    first, second = by_article(file)
    assert [r["question"] for r in first] == ["0?", "1?"]
    assert [r["question"] for r in second] == ["2?", "3?"]


def test_records_without_splits_are_divided_by_chance() -> None:
    records = [{"prompt": str(n)} for n in range(20)]
    first, second = in_two(records)
    assert sorted(int(r["prompt"]) for r in (*first, *second)) == list(range(20))
    assert len(first) == len(second)
    assert first != records[:10]
