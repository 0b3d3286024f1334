"""A question, and what is expected of its answer; `forms` makes one of a record, `data` reads files."""

import random
from collections.abc import Iterable
from dataclasses import dataclass

from localcollab.decoding.answer_text import Limits
from localcollab.errors import BadOption
from localcollab.evaluation.expected import Choice, Expected

MAX_TOKENS = 96
"""Of an answer to a question, unless its measure needs more."""


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    gold: str
    """Empty: there is no right answer, only double-check flags are counted."""
    kind: str = ""
    wording: str = ""
    prompt: str | None = None
    """Given: the text is not asked in the chat form but continued, by `member` alone."""
    member: str = ""
    expected: Expected | None = None
    """None: the whole answer is `gold`, but for white space."""
    is_plain: bool = False
    """The team continues the text, without its chat template."""
    stop: tuple[str, ...] = ()
    """Strings that end an answer."""
    max_tokens: int = MAX_TOKENS

    @property
    def asked(self) -> str:
        """The text that is sent; with the choices where their letters are asked for."""
        if not isinstance(self.expected, Choice) or self.expected.measure != "letter":
            return self.text
        shown = "\n".join(f"{label}. {text}" for label, text in self.expected.choices)
        return f"{self.text}\n{shown}\nAnswer with the letter of the right choice."

    @property
    def choice(self) -> Choice | None:
        """Answered by likelihood, not by writing."""
        return self.expected if isinstance(self.expected, Choice) else None

    @property
    def measure(self) -> str:
        return "exact" if self.expected is None else self.expected.measure

    @property
    def limits(self) -> Limits:
        return Limits(self.max_tokens, self.stop)

    @property
    def enough(self) -> float:
        """The score from which on an answer is right."""
        return 1.0 if self.expected is None else self.expected.enough

    def score(self, answer: str) -> float:
        """0 to 1. Raises `BadOption` where a measure's package is missing."""
        if self.expected is None:
            return float(is_right(answer, self.gold))
        return self.expected.score(answer)


def with_gold(questions: Iterable[Question]) -> list[Question]:
    """Those with a right answer that the team is asked. Raises `BadOption`: there is none."""
    found = [q for q in questions if q.prompt is None and (q.gold or q.expected)]
    if not found:
        raise BadOption("the data holds no question with a gold answer: add some")
    return found


def is_right(answer: str, gold: str) -> bool:
    """Exact, but for white space."""
    return answer.split() == gold.split()


def some_of(questions: list[Question], limit: int | None, seed: int) -> list[Question]:
    """All of them, or `limit` drawn at random."""
    if limit is None or limit >= len(questions):
        return questions
    return random.Random(seed).sample(questions, limit)
