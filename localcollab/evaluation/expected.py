"""What a right answer is: one record per measure, each of which scores a text from 0 to 1.

`forms` makes them of data; reading a text for a measure (its last number, its code) stands in `reading`.
What asks a model (the likelihoods of choices) is `choices`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from localcollab.evaluation import answers as read
from localcollab.evaluation.references import rouge_l

TextMeasure = Literal["exact", "contains", "em", "f1", "number", "rouge-l"]
"""Of an answer beside reference answers."""
ChoiceMeasure = Literal["likelihood", "letter"]


class Expected(Protocol):
    @property
    def measure(self) -> str: ...
    @property
    def enough(self) -> float:
        """The score from which on an answer counts as right."""
        ...

    def score(self, answer: str) -> float:
        """0 to 1."""
        ...


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Reference answers; the best score against any of them counts."""

    answers: tuple[str, ...]
    measure: TextMeasure = "contains"

    @property
    def enough(self) -> float:
        return 0.5 if self.measure == "rouge-l" else 1.0

    def score(self, answer: str) -> float:
        return max(_SCORES[self.measure](answer, reference) for reference in self.answers)


_SCORES = {
    "exact": lambda answer, gold: float(answer.split() == gold.split()),
    "contains": lambda answer, gold: float(read.contains(answer, gold)),
    "em": lambda answer, gold: float(read.squad_words(answer) == read.squad_words(gold)),
    "f1": read.word_f1,
    "number": lambda answer, gold: float(read.final_number(answer) == read.final_number(gold)),
    "rouge-l": rouge_l,
}


@dataclass(frozen=True, slots=True)
class Choice:
    """Several answers by label, one of them right. `likelihood`: the text of each is scored; `letter`:
    they are shown, and the labels are scored."""

    choices: tuple[tuple[str, str], ...]
    """(label, text)"""
    right: str
    """A label."""
    measure: ChoiceMeasure = "likelihood"

    @property
    def enough(self) -> float:
        return 1.0

    def score(self, answer: str) -> float:
        """Of a label, or of a text that names a label or a choice: for who writes the answer."""
        return float(read.chosen_label(answer, self.choices) == self.right)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression that is found in the answer."""

    pattern: re.Pattern[str]
    measure: str = "regex"
    enough: float = 1.0

    def score(self, answer: str) -> float:
        return float(self.pattern.search(answer) is not None)


@dataclass(frozen=True, slots=True)
class Schema:
    """A JSON value that fits a JSON schema."""

    schema: Mapping[str, Any] | bool = field(hash=False)
    measure: str = "json"
    enough: float = 1.0

    def score(self, answer: str) -> float:
        """Raises `BadOption` without the package jsonschema."""
        # Imported here: an extra that few need.
        from localcollab.evaluation.json_schema import fits

        return float(fits(answer, self.schema))


@dataclass(frozen=True, slots=True)
class Tests:
    """Python code that passes tests, in a child process. The caller has allowed it."""

    tests: str
    """Run after the code; an exception is a failure."""
    before: str = ""
    """What the answer goes on from, such as a function's head; left out where the answer repeats it."""
    entry: str = ""
    """The name of the function that is asked for."""
    measure: str = "code"
    enough: float = 1.0

    def score(self, answer: str) -> float:
        # Imported here: it starts children.
        from localcollab.evaluation.code import passes

        return float(passes(read.python_code(answer, self.before, self.entry), self.tests))
