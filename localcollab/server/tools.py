"""Functions that a model may call: told in its template's own form, and found again in its answer.

Templates agree on little. Forms that are read: `<tool_call>` with JSON (Hermes, Qwen, Granite) or with
`<function=...>` (Qwen-Coder), and an answer that is JSON alone (Llama, Mistral). A template that takes no
tools is told of them in the system message, in the first form.
"""

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from localcollab.chat.template import ChatTemplate, Message
from localcollab.errors import BadTemplate
from localcollab.server.bodies import ChatBody, ChosenTool
from localcollab.server.errors import ApiError
from localcollab.teams.opened import OpenTeam

Form = Literal["hermes", "functions", "arguments", "parameters"]
"""How a template has calls written; the last two are JSON alone, named after their key."""

OPENING, CLOSING = "<tool_call>", "</tool_call>"
_BLOCK = re.compile(rf"{OPENING}(.*?)(?:{CLOSING}|\Z)", re.DOTALL)
_FUNCTION = re.compile(r"\s*<function=([^>\s]+)>(.*?)(?:</function>|\Z)", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=([^>\s]+)>\n?(.*?)\n?</parameter>", re.DOTALL)
_TOLD = """You may call functions. Their signatures, as JSON:
<tools>
{signatures}
</tools>
To call one, answer with its name and arguments as JSON:
{opening}
{{"name": "NAME", "arguments": {{...}}}}
{closing}"""
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_PROBE = "localcollab_probe"


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    arguments: str
    """JSON."""
    id: str = field(default_factory=lambda: f"call_{uuid.uuid4().hex[:24]}")

    def record(self) -> dict[str, object]:
        function = {"name": self.name, "arguments": self.arguments}
        return {"id": self.id, "type": "function", "function": function}


@dataclass(frozen=True, slots=True)
class Tools:
    """The functions of one request."""

    functions: tuple[Mapping[str, Any], ...]
    """As OpenAI's API describes them: name, description, parameters."""
    form: Form
    is_taken: bool
    """Whether the template itself tells of them."""
    forced: tuple[str, ...] = ()
    """Names of which one must be called; empty: the model decides."""

    @property
    def given(self) -> tuple[Mapping[str, object], ...]:
        """For the template."""
        if not self.is_taken:
            return ()
        return tuple({"type": "function", "function": each} for each in self.functions)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(each["name"] for each in self.functions)

    def told(self, messages: Sequence[Message]) -> list[Message]:
        """For a template that takes no tools: a system message tells of them, and calls are text."""
        if self.is_taken:
            return list(messages)
        plain = [_as_text(message) for message in messages]
        if not self.functions:
            return plain
        signatures = "\n".join(json.dumps(each, ensure_ascii=False) for each in self.functions)
        told = _TOLD.format(signatures=signatures, opening=OPENING, closing=CLOSING)
        if plain[0].role != "system":
            return [Message("system", told), *plain]
        return [Message("system", f"{plain[0].content}\n\n{told}"), *plain[1:]]

    def parse(self, text: str) -> tuple[str, list[Call]]:
        """The text around the calls, and the calls: of these functions, with objects as arguments."""
        blocks = list(_BLOCK.finditer(text))
        if blocks:
            calls = [call for block in blocks for call in self._calls(block[1])]
            return (_BLOCK.sub("", text).strip(), calls) if calls else (text, [])
        calls = list(self._calls(text))
        return ("", calls) if calls else (text, [])

    def _calls(self, text: str) -> Iterator[Call]:
        function = _FUNCTION.match(text)
        if function and function[1] in self.names:
            pairs = {name: _value(value) for name, value in _PARAMETER.findall(function[2])}
            yield Call(function[1], json.dumps(pairs, ensure_ascii=False))
            return
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return
        for each in found if isinstance(found, list) else [found]:
            call = self._call(each)
            if call is not None:
                yield call

    def _call(self, found: object) -> Call | None:
        if not isinstance(found, dict) or found.get("name") not in self.names:
            return None
        arguments = found.get("arguments", found.get("parameters", {}))
        if isinstance(arguments, str):
            arguments = _value(arguments)
        if not isinstance(arguments, dict):
            return None
        return Call(found["name"], json.dumps(arguments, ensure_ascii=False))


def _value(text: str) -> Any:
    """JSON where it is, else the text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _as_text(message: Message) -> Message:
    if message.role == "tool":
        return Message("user", f"<tool_response>\n{message.content}\n</tool_response>")
    calls: Any = message.fields.get("tool_calls", ())
    if not calls:
        return Message(message.role, message.content)
    written = (json.dumps(call["function"], ensure_ascii=False) for call in calls)
    blocks = [f"{OPENING}\n{each}\n{CLOSING}" for each in written]
    return Message(message.role, "\n".join(filter(None, [message.content, *blocks])))


def tools_of(team: OpenTeam, body: ChatBody) -> Tools | None:
    """None: there are none, or none may be called. Raises `ApiError`, `BadTemplate`."""
    has_calls = any(message.tool_calls or message.role == "tool" for message in body.messages)
    if not body.tools and body.tool_choice not in (None, "none", "auto"):
        raise ApiError(400, "`tool_choice` needs `tools`", param="tool_choice")
    if not body.tools and not has_calls:
        return None
    if team.template is None:
        raise ApiError(
            400, f"{team.name}: the base has no chat template, so it takes no tools: use an instruct "
            "model", param="tools",
        )  # fmt: skip
    functions = tuple(tool.function.model_dump(exclude_none=True) for tool in body.tools or ())
    for function in functions:
        if not _NAME.fullmatch(function["name"]):
            raise ApiError(
                400, f"`tools` names a function {function['name']!r}: use letters, digits, _ . -, at "
                "most 64", param="tools",
            )  # fmt: skip
    if body.tool_choice == "none" or not functions:
        # Calls of earlier turns still have to be told of.
        return _tools(team, ()) if has_calls else None
    return _tools(team, functions, _forced(body, [function["name"] for function in functions]))


def _forced(body: ChatBody, names: Sequence[str]) -> tuple[str, ...]:
    if body.tool_choice == "required":
        return tuple(names)
    if not isinstance(body.tool_choice, ChosenTool):
        return ()
    chosen = body.tool_choice.function.name
    if chosen not in names:
        raise ApiError(
            400, f"`tool_choice` names {chosen!r}, which is not among `tools`", param="tool_choice"
        )
    return (chosen,)


def _tools(
    team: OpenTeam, functions: tuple[Mapping[str, Any], ...], forced: tuple[str, ...] = ()
) -> Tools:
    assert team.template is not None
    is_taken = takes_tools(team.template)
    return Tools(
        functions, form_of(team.template.source) if is_taken else "hermes", is_taken, forced
    )


def takes_tools(template: ChatTemplate) -> bool:
    """Whether it writes what it is given: asked of the template itself."""
    if "tools" not in template.source:
        return False
    function = {
        "name": _PROBE,
        "description": _PROBE,
        "parameters": {"type": "object", "properties": {}},
    }
    try:
        text = template.render(
            [Message("user", "x")], tools=[{"type": "function", "function": function}]
        )
    except BadTemplate:
        return False
    return _PROBE in text


def form_of(source: str) -> Form:
    """By what the template has in it."""
    if "<function=" in source:
        return "functions"
    if OPENING in source:
        return "hermes"
    return "parameters" if '"parameters"' in source else "arguments"


class ToolText:
    """The text of a streamed answer, without what may be a call, which is kept for the end."""

    def __init__(self, tools: Tools | None) -> None:
        self._tools = tools if tools and tools.functions else None
        self._text, self._n_shown = "", 0

    def add(self, text: str) -> str:
        """What may be shown now."""
        if self._tools is None:
            return text
        self._text += text
        end = self._n_certain()
        shown = self._text[self._n_shown : end]
        self._n_shown = max(end, self._n_shown)
        return shown

    def end(self) -> tuple[str, list[Call]]:
        """The rest of the text, and the calls."""
        if self._tools is None:
            return "", []
        _, calls = self._tools.parse(self._text)
        # What stands between and after calls is of no use to anybody.
        return ("", calls) if calls else (self._text[self._n_shown :], [])

    def _n_certain(self) -> int:
        stripped = self._text.lstrip()
        if not stripped or stripped[0] in "{[":
            return 0
        at = self._text.find(OPENING)
        if at >= 0:
            return at
        starts = (n for n in range(1, len(OPENING)) if self._text.endswith(OPENING[:n]))
        return len(self._text) - max(starts, default=0)
