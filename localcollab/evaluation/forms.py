"""One record of data -> a question: this program's own forms, and those that benchmarks are published in.

A record says what is expected by its keys: `messages`, `completion`, `answers` or `answer`, `choices`,
`pattern`, `schema`, `tests`. Errors are `ValueError`s; `data` adds file and line.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from localcollab.errors import BadOption
from localcollab.evaluation.answers import final_number
from localcollab.evaluation.expected import (
    AnyOf,
    Choice,
    ChoiceMeasure,
    Expected,
    Pattern,
    Schema,
    Tests,
    TextMeasure,
)
from localcollab.evaluation.questions import MAX_TOKENS, Question

SHAPES = (
    '{"messages": [{"role": "user", ...}, {"role": "assistant", ...}]}, {"prompt", "completion"}, or '
    '{"prompt"} with "answers", "choices" and "answer", "pattern", "schema" or "tests"'
)
MEASURES = (*get_args(TextMeasure), *get_args(ChoiceMeasure))
"""That a caller can choose."""
_TEXTS = ("prompt", "question", "text", "instruction")
"""Where the text of a question stands."""
_KINDS = {
    "completion": ("completion",),
    "choices": ("choices",),
    "pattern": ("pattern",),
    "schema": ("schema",),
    "tests": ("tests", "test", "test_list"),
}
_TOKENS = {"number": 320, "code": 512, "json": 320, "rouge-l": 256}
"""Of an answer, by measure."""


def check_measure(measure: str | None) -> None:
    """Raises `BadOption`."""
    if measure is not None and measure not in MEASURES:
        raise BadOption(f"`measure` is {measure!r}: give one of {', '.join(MEASURES)}")


def read_record(value: Any, measure: str | None = None, *, runs_code: bool = False) -> Question:
    """`measure`: instead of a form's default. Raises `ValueError`, and `BadOption` where answers would
    be run and `runs_code` is not set, or a package is missing."""
    if not isinstance(value, dict):
        raise ValueError(f"{value!r:.40} is not an object")
    record: Mapping[str, Any] = value
    if "messages" in record:
        return _from_messages(record, measure)
    kinds = [kind for kind, keys in _KINDS.items() if any(key in record for key in keys)]
    if len(kinds) > 1:
        raise ValueError(f"has both {kinds[0]} and {kinds[1]}")
    kind = kinds[0] if kinds else "answers"
    if kind == "completion":
        return _from_completion(record, measure)
    text = _text(record)
    expected = _expected(kind, record, measure, text, runs_code=runs_code)
    context = record.get("context")
    if isinstance(context, str) and context.strip():
        text = f"{context.strip()}\n\n{text}"
    return Question(
        text, _gold(expected), *_kind(record), expected=expected, stop=_stop(record),
        max_tokens=_TOKENS.get(expected.measure, MAX_TOKENS),
    )  # fmt: skip


def _from_messages(record: Mapping[str, Any], measure: str | None) -> Question:
    messages = record["messages"]
    if not isinstance(messages, list) or not 1 <= len(messages) <= 2:
        raise ValueError("messages: one question and its answer are expected")
    asked, *answer = (_content(message) for message in messages)
    if messages[0].get("role") != "user":
        raise ValueError("messages: the first one is expected to be the user's")
    gold = answer[0] if answer else ""
    chosen = _measure(record, measure, "exact", get_args(TextMeasure))
    expected = None if chosen == "exact" or not gold else _any_of((gold,), chosen)
    return Question(asked, gold, *_kind(record), expected=expected)


def _content(message: Any) -> str:
    if not isinstance(message, dict) or not isinstance(message.get("content"), str):
        raise ValueError(f"message {message!r:.40} has no content")
    return str(message["content"])


def _from_completion(record: Mapping[str, Any], measure: str | None) -> Question:
    prompt, completion = (_string(record, key) for key in ("prompt", "completion"))
    if "member" in record:
        return Question(
            prompt,
            completion,
            str(record.get("kind", "")),
            prompt=prompt,
            member=str(record["member"]),
        )
    gold = _string(record, "gold") if record.get("gold") else completion
    chosen = _measure(record, measure, "exact", get_args(TextMeasure))
    return Question(
        prompt, gold, *_kind(record), expected=_any_of((gold,), chosen), is_plain=True,
        stop=_stop(record),
    )  # fmt: skip


def _expected(
    kind: str, record: Mapping[str, Any], measure: str | None, text: str, *, runs_code: bool
) -> Expected:
    match kind:
        case "choices":
            return _choice(record, measure)
        case "pattern":
            return Pattern(_pattern(_string(record, "pattern")))
        case "schema":
            return _schema(record["schema"])
        case "tests":
            if not runs_code:
                raise BadOption("its answers are code: give `run_code` to run it on this machine")
            return _tests(record, text)
    return _answers(record, measure)


def _answers(record: Mapping[str, Any], measure: str | None) -> AnyOf:
    given = record.get("answers", record.get("answer"))
    if isinstance(given, dict):  # SQuAD
        given = given.get("text")
    listed = given if isinstance(given, list) else [given]
    answers = tuple(_scalar(each) for each in listed)
    if not answers:
        raise ValueError("answers is empty")
    is_gsm8k = all("####" in answer for answer in answers)
    default = "number" if is_gsm8k else "f1" if "context" in record else "contains"
    return _any_of(answers, _measure(record, measure, default, get_args(TextMeasure)))


def _scalar(value: Any) -> str:
    if (
        isinstance(value, bool)
        or not isinstance(value, (str, int, float))
        or not str(value).strip()
    ):
        raise ValueError(f"answer is {value!r:.40}, not a text")
    return str(value)


def _any_of(answers: tuple[str, ...], measure: str) -> AnyOf:
    if measure == "number":
        for answer in answers:
            if final_number(answer) is None:
                raise ValueError(f"measure is number, and answer {answer!r:.40} has none")
    if measure == "rouge-l":
        from localcollab.evaluation.references import require_rouge

        require_rouge()
    return AnyOf(answers, measure)  # type: ignore[arg-type]  # checked by `_measure`


def _choice(record: Mapping[str, Any], measure: str | None) -> Choice:
    choices = _labelled(record["choices"])
    labels = [label for label, _ in choices]
    if len(choices) < 2 or len(set(labels)) < len(labels):
        raise ValueError(f"choices has the labels {labels!r:.60}: two different ones are expected")
    given = record.get("answerKey", record.get("answer"))
    right = labels[given] if _is_index(given, labels) else str(given)
    texts = [text for _, text in choices]
    if right not in labels and texts.count(right) == 1:
        right = labels[texts.index(right)]
    if right not in labels:
        raise ValueError(f"answer is {given!r:.40}, which is not one of the choices")
    chosen = _measure(record, measure, "likelihood", get_args(ChoiceMeasure))
    return Choice(choices, right, chosen)  # type: ignore[arg-type]


def _labelled(given: Any) -> tuple[tuple[str, str], ...]:
    """Of {label: text}, a list of texts, or ARC's {"text": [...], "label": [...]}."""
    if isinstance(given, dict) and isinstance(given.get("text"), list):
        labels = given.get("label")
        if not isinstance(labels, list) or len(labels) != len(given["text"]):
            raise ValueError("choices has not one label for each text")
        pairs: Sequence[tuple[Any, Any]] = list(zip(labels, given["text"], strict=True))
    elif isinstance(given, dict):
        pairs = list(given.items())
    elif isinstance(given, list) and len(given) <= 26:
        pairs = list(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", given, strict=False))
    else:
        raise ValueError(f"choices is {given!r:.40}, neither a table nor a list")
    return tuple((str(label), _scalar(text)) for label, text in pairs)


def _is_index(value: Any, labels: Sequence[str]) -> bool:
    """MMLU's answers count from 0; a number that is a label is one."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return is_number and str(value) not in labels and 0 <= value < len(labels)


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except (re.error, OverflowError) as error:
        raise ValueError(f"pattern {text!r:.40} is not a regular expression ({error})") from error


def _schema(given: Any) -> Schema:
    from localcollab.evaluation.json_schema import check_schema

    schema = json.loads(given) if isinstance(given, str) else given
    if not isinstance(schema, (dict, bool)):
        raise ValueError(f"schema is {schema!r:.40}, not a JSON schema")
    check_schema(schema)
    return Schema(schema)


def _tests(record: Mapping[str, Any], text: str) -> Tests:
    """HumanEval's `test` and `entry_point`, MBPP's `test_list`, or `tests`."""
    if "test_list" in record:
        lines = record["test_list"]
        if not isinstance(lines, list) or not lines:
            raise ValueError("test_list is not a list of tests")
        setup = str(record.get("test_setup_code") or "")
        return Tests("\n".join([setup, *map(str, lines)]))
    tests = _string(record, "tests" if "tests" in record else "test")
    entry = str(record.get("entry_point") or "")
    if entry and "test" in record:
        tests += f"\ncheck({entry})\n"
    return Tests(tests, before=text if entry else "", entry=entry)


def _gold(expected: Expected) -> str:
    if isinstance(expected, AnyOf):
        return expected.answers[0]
    return expected.right if isinstance(expected, Choice) else ""


def _measure(
    record: Mapping[str, Any], chosen: str | None, default: str, allowed: Sequence[str]
) -> str:
    """The record's own, else the caller's where it applies to this form, else the default."""
    own = record.get("measure")
    if own is not None and own not in allowed:
        raise ValueError(f"measure is {own!r:.40}: one of {', '.join(allowed)} is expected")
    if own is None and chosen in allowed:
        own = chosen
    return str(own or default)


def _text(record: Mapping[str, Any]) -> str:
    for key in _TEXTS:
        given = record.get(key)
        if isinstance(given, dict):  # ARC's {"stem": ...}
            given = given.get("stem")
        if isinstance(given, str) and given.strip():
            return given
    raise ValueError(f"has no text under {', '.join(_TEXTS)}")


def _string(record: Mapping[str, Any], key: str) -> str:
    text = record.get(key)
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{key} is {text!r:.40}, not a text")
    return text


def _kind(record: Mapping[str, Any]) -> tuple[str, str]:
    return str(record.get("kind") or ""), str(record.get("wording") or "")


def _stop(record: Mapping[str, Any]) -> tuple[str, ...]:
    given = record.get("stop", [])
    listed = given if isinstance(given, list) else [given]
    if not all(isinstance(each, str) and each for each in listed):
        raise ValueError(f"stop is {given!r:.40}: texts are expected")
    return tuple(listed)
