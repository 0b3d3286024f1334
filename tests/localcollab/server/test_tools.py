"""Calls of functions: told to the model, found in its answer, forced by a grammar."""

import json
from typing import Any

import pytest

from gbnf_regex import to_regex
from localcollab.chat.template import Message
from localcollab.errors import BadOption
from localcollab.server.call_grammar import call_grammar, where_calls_begin
from localcollab.server.tools import Form, Tools, ToolText, form_of

WEATHER = {
    "name": "weather",
    "description": "Today's.",
    "parameters": {
        "type": "object",
        "properties": {"place": {"enum": ["Oslo", "Rome"]}},
        "required": ["place"],
    },
}


def tools(form: Form = "hermes", *, forced: bool = False, is_taken: bool = False) -> Tools:
    return Tools((WEATHER, {"name": "time"}), form, is_taken, ("weather",) if forced else ())


OSLO = [("weather", {"place": "Oslo"})]


@pytest.mark.parametrize(
    ("text", "content", "calls"),
    [
        ('<tool_call>\n{"name": "weather", "arguments": {"place": "Oslo"}}\n</tool_call>', "", OSLO),
        ('Hm.\n<tool_call>{"name": "weather", "arguments": {"place": "Oslo"}}', "Hm.", OSLO),
        ('{"name": "weather", "parameters": {"place": "Oslo"}}', "", OSLO),
        ('[{"name": "weather", "arguments": "{\\"place\\": \\"Oslo\\"}"}, {"name": "time"}]',
         "", [*OSLO, ("time", {})]),
        ("<tool_call>\n<function=weather>\n<parameter=place>\nOslo\n</parameter>\n</function>\n</tool_call>",
         "", OSLO),
        ('{"name": "launch", "arguments": {}}', '{"name": "launch", "arguments": {}}', []),
        ("<tool_call>not JSON</tool_call>", "<tool_call>not JSON</tool_call>", []),
        ('{"place": "Oslo"}', '{"place": "Oslo"}', []),
        ("It is sunny.", "It is sunny.", []),
    ],
)  # fmt: skip
def test_calls_are_found(text: str, content: str, calls: list[tuple[str, Any]]) -> None:
    left, found = tools().parse(text)
    assert left == content
    assert [(call.name, json.loads(call.arguments)) for call in found] == calls


def test_a_stream_shows_text_and_keeps_what_may_be_a_call() -> None:
    text = ToolText(tools())
    answer = 'Hm < 3.<tool_call>{"name": "weather", "arguments": {"place": "Oslo"}}</tool_call>'
    shown = "".join(text.add(letter) for letter in answer)
    rest, calls = text.end()
    assert (shown, rest) == ("Hm < 3.", "")
    assert [call.name for call in calls] == ["weather"]


def test_a_stream_that_only_looks_like_a_call_is_text_in_the_end() -> None:
    text = ToolText(tools())
    assert text.add('{"a": 1}') == ""
    assert text.end() == ('{"a": 1}', [])


def test_a_template_without_tools_is_told_in_the_system_message() -> None:
    told = tools().told([Message("system", "Be brief."), Message("user", "x")])
    assert told[0].content.startswith("Be brief.\n\n")
    assert '"name": "weather"' in told[0].content
    call = {"function": {"name": "weather", "arguments": {"place": "Oslo"}}}
    earlier = [Message("assistant", "", {"tool_calls": [call]}), Message("tool", "sunny")]
    _, answer, response = tools().told(earlier)
    assert tools().parse(answer.content)[1][0].name == "weather"
    assert (response.role, "sunny" in response.content) == ("user", True)


def test_a_template_with_tools_gets_them_as_they_are() -> None:
    found = tools(is_taken=True)
    assert found.told([Message("user", "x")]) == [Message("user", "x")]
    assert found.given[0] == {"type": "function", "function": WEATHER}


@pytest.mark.parametrize(
    ("source", "form"),
    [("<function=x>", "functions"), ("{{ '<tool_call>' }}", "hermes"),
     ('{"parameters": 1}', "parameters"), ("[TOOL_CALLS]", "arguments")],
)  # fmt: skip
def test_the_form_is_that_of_the_template(source: str, form: str) -> None:
    assert form_of(source) == form


@pytest.mark.parametrize("form", ["hermes", "parameters", "arguments", "functions"])
def test_a_forced_call_can_be_read_again(form: Form) -> None:
    found = tools(form, forced=True)
    grammar = dict(line.split(" ::= ", 1) for line in call_grammar(found).splitlines())
    text = _first_text(grammar, "root")
    content, calls = found.parse(text)
    assert (content, [call.name for call in calls]) == ("", ["weather"])
    assert json.loads(calls[0].arguments)["place"] in ("Oslo", "Rome")


def _first_text(grammar: dict[str, str], rule: str) -> str:
    """A text of the grammar: of alternatives the first, of what may be left out nothing."""
    import re

    names = "|".join(sorted(map(re.escape, grammar), key=len, reverse=True))
    expression = grammar[rule]
    if rule.startswith("space"):
        return ""
    written = re.compile(rf'"(?:[^"\\]|\\.)*"|(?<![\w-])(?:{names})(?![\w-])|[|()]')
    parts: list[str] = []
    for found in written.finditer(expression):
        token = found[0]
        if token == "|":
            break
        if token.startswith('"'):
            parts.append(_plain(token))
        elif token in grammar:
            parts.append(_first_text(grammar, token))
    return "".join(parts)


def _plain(literal: str) -> str:
    pattern = to_regex(literal).pattern
    import re

    return re.sub(r"\\(.)", r"\1", pattern.removeprefix("(?:").removesuffix(")"), flags=re.DOTALL)


@pytest.mark.parametrize(
    ("form", "answer", "at"),
    [
        ("hermes", "Let me see. <tool_call>", 12),
        ("hermes", "Let me see. <tool_cal", None),
        ("functions", "<tool_call>\n<function=", 0),
        ("arguments", ' {"name": "weather"', 1),
        ("arguments", '{"name":"time"', 0),
        ("arguments", '{"name": "launch"', None),
        ("arguments", '{"name": "weath', None),
        ("parameters", 'As JSON: {"name": "weather"', None),
    ],
)
def test_where_a_call_begins(form: Form, answer: str, at: int | None) -> None:
    assert where_calls_begin(tools(form))(answer.encode()) == at


def test_a_schema_that_no_grammar_can_promise_leaves_any_object() -> None:
    odd = {"name": "odd", "parameters": {"type": "object", "not": {}}}
    assert "odd" in call_grammar(Tools((odd,), "hermes", True))
    with pytest.raises(BadOption, match="not"):
        call_grammar(Tools((odd,), "hermes", True, ("odd",)))
