"""The forms in which a member is asked: its own chat form, a plain one, and one with examples.

A form is a chat template and the strings that end an answer, so what was measured can be written into
models.toml as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from localcollab.evaluation.expected import AnyOf
from localcollab.evaluation.questions import Question

OWN = "own"
_SHORT = ("exact", "contains", "em", "f1", "likelihood", "letter")
"""Measures of answers that are a line."""
_TURNS = (
    "{% for message in messages %}"
    "{% if message.role == 'user' %}Question: {{ message.content }}\n"
    "{% elif message.role == 'assistant' %}Answer: {{ message.content }}\n\n"
    "{% else %}{{ message.content }}\n\n{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}Answer:{% endif %}"
)


@dataclass(frozen=True, slots=True)
class Form:
    name: str
    template: str | None = None
    """A jinja chat template; None: the member's own, or the bare text where it has none."""
    stop: tuple[str, ...] = ()
    examples: str = ""
    """What stands before the question."""

    def written(self, asked: str) -> str:
        """What the template makes of one question; of a form that has one."""
        return f"{self.examples}Question: {asked}\nAnswer:"


def forms_for(questions: Sequence[Question], shots: Sequence[Question]) -> tuple[Form, ...]:
    """Of texts that are to be continued as they are, only that."""
    if all(question.is_plain for question in questions):
        return (Form(OWN),)
    stop = ("\n",) if all(map(_is_short, questions)) else ("\nQuestion:",)
    forms = [Form(OWN), Form("plain", _TURNS, stop)]
    if shots:
        shown = _shown(shots)
        template = "{{ " + _literal(shown) + " }}" + _TURNS
        forms.append(Form(f"{len(shots)} examples", template, stop, shown))
    return tuple(forms)


def can_be_shown(question: Question) -> bool:
    """As an example: its answer is a text."""
    return bool(example_answer(question)) and not question.is_plain


def example_answer(question: Question) -> str:
    """The text of a right answer; empty where only a test, a pattern or a schema says what is right."""
    if question.choice is None:
        return question.gold if isinstance(question.expected, AnyOf | None) else ""
    if question.choice.measure == "letter":
        return question.choice.right
    return dict(question.choice.choices)[question.choice.right]


def _is_short(question: Question) -> bool:
    return question.measure in _SHORT and "\n" not in example_answer(question).strip()


def _shown(shots: Sequence[Question]) -> str:
    shown = (f"Question: {q.asked}\nAnswer: {example_answer(q).strip()}\n\n" for q in shots)
    return "".join(shown)


def _literal(text: str) -> str:
    """As a string of jinja, which decodes backslashes as Python does."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'.replace("\r", "\\r")
