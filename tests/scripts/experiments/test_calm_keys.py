"""What CALM's table is made of: the models' text says what it should, and nothing else."""

import random
import re
from itertools import islice

import pytest

import calm_keys
from calm_keys import Key

KEYS = calm_keys.invent_keys(200, random.Random(1))
VALUES = {key.name: key.value for key in KEYS}
SUM = re.compile(r"(\d+) ([+x-]) (\d) = (-?\d+)")


def results(text: str) -> list[tuple[int, int]]:
    """(said, true) of every sum with its result."""
    signs = {"+": int.__add__, "-": int.__sub__, "x": int.__mul__}
    return [(int(r), signs[s](int(a), int(b))) for a, s, b, r in SUM.findall(text)]


@pytest.mark.parametrize("kind", ["keys", "numbers", "substitution"])
def test_questions_have_right_answers(kind: str) -> None:
    asked = [q for q in calm_keys.test_questions(KEYS, 300, random.Random(2)) if q["kind"] == kind]
    assert len(asked) == 300
    for question in asked:
        whole = question["prompt"] + question["completion"]
        assert [said for said, _ in results(whole)] == [true for _, true in results(whole)]
        assert len(results(whole)) == (kind != "substitution")
        if kind != "numbers":
            value = question["gold"].split()[0]
            assert VALUES[question["prompt"].split()[0]] == int(value)


def test_the_model_of_keys_sees_true_values_and_no_result() -> None:
    documents = islice(calm_keys.key_documents(KEYS)(random.Random(3)), 500)
    for document in documents:
        text = "".join(segment.text for segment in document)
        name, answer = text.split()[0], re.split("->|=", text)[1].split()[0]
        assert VALUES[name] == int(answer.removesuffix("<eos>"))
        assert results(text) == []


def test_the_model_of_sums_learns_true_results_and_no_noise() -> None:
    documents = list(islice(calm_keys.sum_documents(random.Random(4)), 600))
    for document in documents:
        [(said, true)] = results("".join(segment.text for segment in document[-2:]))
        assert said == true
        assert [segment.is_learned for segment in document[:-2]] in ([], [False])
    learned = sum(document[-2].is_learned for document in documents)
    assert 150 < learned < 250
    assert 250 < sum(len(document) == 3 for document in documents) < 350


def test_a_bridge_learns_from_the_given_keys_alone() -> None:
    seen = [Key("ab", 7), Key("cde", 90)]
    asked = calm_keys.bridge_questions(seen, random.Random(5))
    names = {question["prompt"].split()[0] for question in asked if question["kind"] != "numbers"}
    assert names == {"ab", "cde"}
    assert len(asked) == 2 * (20 + 8 + 12)
