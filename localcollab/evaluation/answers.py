"""What a measure reads in an answer: words, the final number, code, JSON, the choice that it names."""

import json
import re
import string
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_NUMBER = re.compile(r"(?:(?<!\w)-)?\$?(?:\d[\d,]*(?:\.\d+)?(?:/\d+)?|\.\d+)")
_FENCED = re.compile(r"```[\w+-]*[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)
_MOST_DIGITS = 400
"""Of a number that is read: a longer one is not an answer, and takes long to compare."""


def squad_words(text: str) -> list[str]:
    """As SQuAD's evaluation reads an answer: lower case, without punctuation and articles."""
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def word_f1(answer: str, gold: str) -> float:
    """SQuAD's F1 over words; 1 where both have none."""
    given, wanted = squad_words(answer), squad_words(gold)
    if not given or not wanted:
        return float(given == wanted)
    n_shared = sum((Counter(given) & Counter(wanted)).values())
    return 2 * n_shared / (len(given) + len(wanted))


def contains(answer: str, gold: str) -> bool:
    """Whole words of `gold`, in a row; a gold of punctuation or articles alone as it is written."""
    wanted, given = squad_words(gold), squad_words(answer)
    if not wanted:
        return gold.strip() in answer
    return f" {' '.join(wanted)} " in f" {' '.join(given)} "


def final_number(text: str) -> Fraction | None:
    """GSM8K's rule: the number behind `####`, else the last one. Commas and $ do not count."""
    marked = text.rpartition("####")[2] if "####" in text else ""
    for part in (marked, text):
        numbers = [n for n in _NUMBER.findall(part) if len(n) <= _MOST_DIGITS]
        found = numbers[0] if part is marked and numbers else numbers[-1] if numbers else None
        if found:
            return _value(found)
    return None


def _value(written: str) -> Fraction | None:
    try:
        return Fraction(written.replace(",", "").replace("$", ""))
    except (ValueError, ZeroDivisionError):
        return None


def chosen_label(answer: str, choices: Sequence[tuple[str, str]]) -> str | None:
    """The label that the answer begins with, brackets or calls its answer; else the one choice whose
    text it holds."""
    labels = "|".join(re.escape(label) for label, _ in choices)
    for form in (
        rf"\W*({labels})\b(?! [a-z])",
        rf".*?\(({labels})\)",
        rf".*?\banswer\W+(?:is\W+)?({labels})\b",
    ):
        if found := re.match(form, answer, re.DOTALL):
            return found[1]
    named = [label for label, text in choices if contains(answer, text)]
    return named[0] if len(named) == 1 else None


def python_code(answer: str, before: str, entry: str) -> str:
    """The first fenced block, else everything; behind `before` unless it defines `entry` itself."""
    fenced = _FENCED.search(answer)
    code = fenced[1] if fenced else answer
    if before and not (entry and re.search(rf"^\s*def\s+{re.escape(entry)}\b", code, re.MULTILINE)):
        return before + code
    return code


def json_value(answer: str) -> object:
    """The JSON value in an answer, perhaps in a fenced block. Raises `ValueError`."""
    fenced = _FENCED.search(answer)
    text = (fenced[1] if fenced else answer).strip()
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
