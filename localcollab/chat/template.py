"""The model file's own chat template: from messages to the text the model was trained to continue.

Equal to transformers' `apply_chat_template`. A template is hostile input, so it is rendered in a child
process with limits; whatever goes wrong there raises `BadTemplate`. Turning the text into tokens is left
to `transcript`.
"""

import json
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from localcollab.children.launch import ISOLATED, Child, Deadline
from localcollab.children.limits import DAY, MIB, Limits
from localcollab.errors import BadOption, BadTemplate

SECONDS = 2.0
"""To compile a template and render a conversation; real ones take milliseconds."""
_SECONDS_TO_START = 60.0
_MEMORY_BYTES = 512 * MIB
"""Address space of the process that renders; 40 MB are Python and jinja2 themselves."""
_REMEDY = "use another file of this model"


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant", "tool"]
    content: str
    fields: Mapping[str, object] = field(default_factory=dict, hash=False)
    """What a template may read besides, as `tool_calls`."""

    def record(self) -> dict[str, object]:
        """As a template reads it."""
        return {**self.fields, "role": self.role, "content": self.content}


class ChatTemplate:
    """One model's template. `name` stands in every error: the model, or its file.

    A special token that is None is undefined in the template, as in transformers.
    """

    def __init__(
        self,
        source: str,
        *,
        name: str = "this model",
        bos: str | None = None,
        eos: str | None = None,
        unk: str | None = None,
        pad: str | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self.source = source
        self.name = name
        special = {"bos_token": bos, "eos_token": eos, "unk_token": unk, "pad_token": pad}
        self._special = {key: token for key, token in special.items() if token is not None}
        self._seconds = seconds
        self._child: _Child | None = None
        self._one_at_a_time = threading.Lock()

    def render(
        self,
        messages: Sequence[Message],
        *,
        add_generation_prompt: bool = True,
        tools: Sequence[Mapping[str, object]] = (),
    ) -> str:
        """The conversation in this model's format; ends where the answer starts. `tools`: functions
        as OpenAI's API describes them, for a template that reads any.

        Raises `BadTemplate`, also if the template refuses these messages, and `BadOption` for content
        that is not valid Unicode.
        """
        _check_unicode(messages)
        answer = self._ask(messages, add_generation_prompt, tools)
        if "refused" in answer:
            self._raise_refusal(messages, add_generation_prompt, answer["refused"], tools)
        if "broken" in answer:
            raise BadTemplate(
                f"the chat template of {self.name} does not work: {answer['broken']}; {_REMEDY}"
            )
        text = answer["text"]
        if _surrogate(text) is not None:
            raise BadTemplate(
                f"the chat template of {self.name} writes {_surrogate(text)}, a lone "
                f"surrogate; {_REMEDY}"
            )
        return text

    def _raise_refusal(
        self,
        messages: Sequence[Message],
        add_generation_prompt: bool,
        reason: str,
        tools: Sequence[Mapping[str, object]],
    ) -> None:
        others = [message for message in messages if message.role != "system"]
        # The reason is free text, so ask the template itself whether the system prompt is the cause.
        if len(others) < len(messages) and "text" in self._ask(
            others, add_generation_prompt, tools
        ):
            raise BadTemplate(
                f"{self.name} takes no system prompt (its chat template says: {reason}); "
                "leave the system prompt out"
            )
        roles = ", ".join(message.role for message in messages) or "no messages"
        raise BadTemplate(
            f"the chat template of {self.name} refuses this conversation ({roles}): {reason}; "
            "change the order of the messages"
        )

    def _ask(
        self,
        messages: Sequence[Message],
        add_generation_prompt: bool,
        tools: Sequence[Mapping[str, object]],
    ) -> dict[str, str]:
        variables = {
            "messages": [message.record() for message in messages],
            "tools": list(tools) or None,
            "documents": None,
            "add_generation_prompt": add_generation_prompt,
        } | self._special
        request = {
            "source": self.source,
            "variables": variables,
            # Control characters in JSON take six; the rest is the template's own text.
            "max_chars": 8 * _n_chars(variables) + 1_000_000,
            "seconds": 2 * self._seconds,
        }
        with self._one_at_a_time:
            if self._child is None or not self._child.is_alive():
                self._child = _Child()
            answer = self._child.ask(json.dumps(request) + "\n", self._seconds)
        return {kind: _one_line(said) if kind != "text" else said for kind, said in answer.items()}


class _Child:
    """A running template_child. It ends with its owner, or when its standard input closes."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("template_child.py")
        limits = Limits(_MEMORY_BYTES, DAY)
        self._child = Child(str(script), (str(_MEMORY_BYTES),), limits=limits, flags=ISOLATED)
        if "ready" not in self.ask("", _SECONDS_TO_START):
            raise BadTemplate(
                f"the process that renders chat templates does not start with {sys.executable}; "
                "check that jinja2 is installed there"
            )

    def is_alive(self) -> bool:
        return self._child.is_alive()

    def ask(self, line: str, seconds: float) -> dict[str, str]:
        """One request, one answer: `text`, `refused` or `broken`."""
        deadline = Deadline(self._child, seconds)
        try:
            self._child.send(line.encode())
            assert self._child.process.stdout is not None
            answer = self._child.process.stdout.readline()
        except BaseException:
            # An answer left in the pipe would be taken for the next one.
            self._child.close()
            raise
        finally:
            deadline.stop()
        if answer.endswith(b"\n"):
            parsed: dict[str, str] = json.loads(answer)
            return parsed
        status = self._child.close()
        if deadline.is_late:
            return {"broken": f"it takes more than {seconds:g} seconds to render"}
        return {"broken": f"rendering it ended its process (status {status})"}


def _n_chars(value: object) -> int:
    """Of all texts in it."""
    if isinstance(value, Mapping):
        return sum(_n_chars(each) for pair in value.items() for each in pair)
    if isinstance(value, (list, tuple)):
        return sum(map(_n_chars, value))
    return len(value) if isinstance(value, str) else 0


def _check_unicode(messages: Sequence[Message]) -> None:
    for number, message in enumerate(messages, 1):
        surrogate = _surrogate(message.content)
        if surrogate is not None:
            raise BadOption(
                f"message {number} ({message.role}) holds {surrogate}, a lone surrogate: the text "
                "was not read as UTF-8; convert it first"
            )


def _surrogate(text: str) -> str | None:
    """The first code point that UTF-8 cannot write, as U+D800; None where there is none."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"U+{ord(text[error.start]):04X}"
    return None


def _one_line(message: Any) -> str:
    """At most 300 printable characters: a template writes its own error messages."""
    line = " ".join(str(message).split())
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
    return line if len(line) <= 300 else line[:297] + "..."
