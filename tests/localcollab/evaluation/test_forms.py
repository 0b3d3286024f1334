"""Records in every form -> questions, and what counts as a right answer to them."""

import json
from pathlib import Path
from typing import Any

import pytest

from localcollab.errors import BadData, BadOption
from localcollab.evaluation.data import read_questions
from localcollab.evaluation.expected import AnyOf, Choice
from localcollab.evaluation.forms import read_record
from localcollab.evaluation.questions import Question, with_gold


def scores(record: dict[str, Any], *answers: str, measure: str | None = None) -> list[float]:
    question = read_record(record, measure)
    return [question.score(answer) for answer in answers]


def test_any_of_several_answers_is_looked_for_by_whole_words() -> None:
    record = {"prompt": "Who?", "answers": ["John Ford", "Jack Ford"]}
    assert scores(record, "It was the John Ford, I think.", "Jack  Ford!", "John Fordham", "") == [
        1, 1, 0, 0,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("5 - 3 = 2, so 5-3 + 16 = #### 18", True), ("She has $18.00.", True), ("18 dollars", True),
        ("#### 1,8", True), ("It is 18 of 20", False), ("none", False), ("-18", False),
        ("#### 18 apples and 3 pears", True), ("9" * 5000, False),
    ],
)  # fmt: skip
def test_a_number_is_the_marked_or_the_last_one(answer: str, right: bool) -> None:
    record = {"question": "How many?", "answer": "16 + 2 = 18\n#### 18"}
    assert scores(record, answer) == [float(right)]


def test_numbers_compare_by_value() -> None:
    record = {"prompt": "?", "answers": ["1,250.50"], "measure": "number"}
    assert scores(record, "$1250.5", "1250.05") == [1, 0]
    assert scores({"prompt": "?", "answer": "1/2", "measure": "number"}, "0.5", "2/4", "1/0") == [
        1, 1, 0,
    ]  # fmt: skip


def test_squads_measures_ignore_case_articles_and_punctuation() -> None:
    record = {
        "context": "Paris is the capital.", "question": "What is?",
        "answers": {"text": ["The Eiffel Tower", "Eiffel"], "answer_start": [0, 4]},
    }  # fmt: skip
    # F1 of (eiffel, tower, is, tall) against (eiffel, tower): 2 * 2 / 6.
    assert scores(record, "the eiffel-tower?", "Eiffel tower is tall", "") == [
        pytest.approx(0.0), pytest.approx(2 / 3), 0.0,
    ]  # fmt: skip
    assert scores(record, "EIFFEL.", "An Eiffel tower!", measure="em") == [1, 1]
    assert read_record(record).text == "Paris is the capital.\n\nWhat is?"


def test_rouge_l_counts_as_right_from_a_half_on() -> None:
    pytest.importorskip("rouge_score")
    question = read_record({"prompt": "Sum up.", "answer": "a b c d", "measure": "rouge-l"})
    assert [question.score("a b x y"), question.enough] == [0.5, 0.5]


def test_a_pattern_is_searched() -> None:
    assert scores({"prompt": "When?", "pattern": r"\b19\d\d\b"}, "In 1969.", "In 2069.") == [1, 0]


def test_json_fits_its_schema() -> None:
    pytest.importorskip("jsonschema")
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    fenced = 'Here:\n```json\n{"n": 3}\n```\nDone.'
    deep = "[" * 100_000
    assert scores(
        {"prompt": "?", "schema": schema}, '{"n": 1}', fenced, '{"n": "1"}', "n: 1", deep
    ) == [1, 1, 0, 0, 0]  # fmt: skip


def test_a_schema_of_the_network_is_refused() -> None:
    pytest.importorskip("jsonschema")
    schema = {"$ref": "https://example.org/schema.json"}
    with pytest.raises(ValueError, match="not a JSON schema"):
        read_record({"prompt": "?", "schema": schema})


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": "?", "choices": {"A": "fog", "B": "rain"}, "answer": "B"},
        {"question": "?", "choices": ["fog", "rain"], "answer": 1},
        {"question": "?", "choices": {"text": ["fog", "rain"], "label": ["A", "B"]}, "answerKey": "B"},
        {"question": {"stem": "?"}, "choices": ["fog", "rain"], "answer": "rain"},
    ],
)  # fmt: skip
def test_choices_are_read_as_benchmarks_publish_them(record: dict[str, Any]) -> None:
    expected = read_record(record).expected
    assert expected == Choice((("A", "fog"), ("B", "rain")), "B", "likelihood")


def test_labels_that_are_numbers_are_labels() -> None:
    record = {
        "question": "?",
        "choices": {"text": ["x", "y"], "label": ["1", "2"]},
        "answerKey": "2",
    }
    assert read_record(record).gold == "2"
    assert read_record({"question": "?", "choices": {"1": "x", "2": "y"}, "answer": 1}).gold == "1"


def test_letters_are_shown_where_they_are_asked_for() -> None:
    record = {"prompt": "What?", "choices": ["fog", "rain"], "answer": "A", "measure": "letter"}
    asked = "What?\nA. fog\nB. rain\nAnswer with the letter of the right choice."
    assert read_record(record).asked == asked


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("B", 1), ("(B) rain", 1), ("The answer is B.", 1), ("It will rain", 1), ("A", 0),
        ("A lot of rain falls", 1), ("fog or rain", 0), ("", 0),
    ],
)  # fmt: skip
def test_a_written_answer_names_its_choice(answer: str, right: int) -> None:
    record = {"prompt": "?", "choices": ["fog", "rain"], "answer": "B"}
    assert scores(record, answer) == [right]


def test_a_prompt_and_its_completion_are_asked_of_the_team_unless_they_name_a_member() -> None:
    record = {"prompt": "1 + 1 =", "completion": " 2", "stop": "\n"}
    question = read_record(record)
    assert (question.is_plain, question.prompt, question.stop) == (True, None, ("\n",))
    assert [question.score("2"), question.score("2 or so")] == [1, 0]
    assert read_record(record | {"member": "base"}).prompt == "1 + 1 ="
    assert with_gold([question]) == [question]


def test_a_record_may_choose_its_measure_over_the_caller() -> None:
    record = {"prompt": "?", "answers": ["7"]}
    assert read_record(record, "number").expected == AnyOf(("7",), "number")
    assert read_record(record | {"measure": "em"}, "number").expected == AnyOf(("7",), "em")
    messages = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "7"}]
    assert read_record({"messages": messages}) == Question("?", "7")
    assert read_record({"messages": messages}, "contains").score("It is 7.") == 1


@pytest.mark.parametrize(
    ("record", "complaint"),
    [
        ([], "is not an object"),
        ({"prompt": "?"}, "answer is None, not a text"),
        ({"prompt": "?", "answers": []}, "answers is empty"),
        ({"prompt": "?", "answers": [["x"]]}, "not a text"),
        ({"answers": ["x"]}, "has no text"),
        ({"prompt": "?", "answers": ["x"], "measure": "number"}, "has none"),
        ({"prompt": "?", "answers": ["x"], "measure": "best"}, "measure is 'best'"),
        ({"prompt": "?", "choices": ["x"], "answer": 0}, "two different ones"),
        ({"prompt": "?", "choices": ["x", "y"], "answer": 2}, "not one of the choices"),
        (
            {"prompt": "?", "choices": {"text": ["x"], "label": []}, "answer": 0},
            "one label for each",
        ),
        ({"prompt": "?", "pattern": "("}, "not a regular expression"),
        ({"prompt": "?", "pattern": "x", "choices": ["x", "y"]}, "has both"),
        ({"prompt": "?", "answers": ["x"], "stop": [3]}, "texts are expected"),
        ({"messages": [{"role": "user"}]}, "has no content"),
        ({"prompt": "?", "schema": {"type": 3}}, "not a JSON schema"),
        ({"prompt": "?", "schema": "{"}, "Expecting"),
    ],
)
def test_what_is_no_question_is_said_with_its_line(
    tmp_path: Path, record: object, complaint: str
) -> None:
    pytest.importorskip("jsonschema")
    path = tmp_path / "data.jsonl"
    path.write_text('{"prompt": "?", "answers": ["x"]}\n\n' + json.dumps(record))
    with pytest.raises(BadData, match=rf"line 3 is not a question \(.*{complaint}"):
        read_questions(path)


def test_code_is_not_run_unless_it_was_allowed(tmp_path: Path) -> None:
    path = tmp_path / "code.jsonl"
    path.write_text(json.dumps({"prompt": "Add.", "tests": "assert add(1, 2) == 3"}))
    with pytest.raises(BadOption, match=r"line 1: .* give `run_code`"):
        read_questions(path)
    assert read_questions(path, runs_code=True)[0].measure == "code"
