"""Grammars of calls: what a model may write once it calls a function, in its template's form."""

import json
import re
from collections.abc import Mapping
from typing import Any

from localcollab.decoding.lazy_grammar import Begins
from localcollab.errors import BadOption
from localcollab.grammar.gbnf import any_of, text
from localcollab.grammar.schemas import schema_grammar
from localcollab.server.tools import CLOSING, OPENING, Tools

_IN_BLOCKS = ("hermes", "functions")
"""Forms whose calls stand between marks, so that text and more calls may stand around them."""
_BLANK = "[ \\n]?"


def call_grammar(tools: Tools, *, before: str = "", several: bool = False) -> str:
    """Calls in the template's form: one of a function that is forced or, where none is, of any.

    `before`: characters that stand before the first; `several`: more calls may follow. Raises
    `BadOption` for a forced function whose schema no grammar can promise; of others, the arguments
    are any object then."""
    rules, calls = list[str](), list[str]()
    for n, function in enumerate(tools.functions):
        if tools.forced and function["name"] not in tools.forced:
            continue
        if tools.form == "functions":
            calls.append(_function_call(tools, function, n, rules))
        else:
            rules.append(_renamed(_arguments(tools, function), n))
            calls.append(_json_call(tools, function["name"], f"root-{n}"))
    root = any_of(calls)
    if several and tools.form in _IN_BLOCKS:
        root = f"{root} ({_BLANK} {root})*"
    start = f"{text(before)} " if before else ""
    return f"root ::= {start}{root}\n" + "".join(rules)


def where_calls_begin(tools: Tools) -> Begins:
    """In an answer: behind the opening mark, or, where calls are JSON alone, with it."""
    if tools.form in _IN_BLOCKS:
        return _at_opening
    names = "|".join(re.escape(json.dumps(name)) for name in tools.names)
    begun = re.compile(rf'\s*(\{{\s*"name"\s*:\s*(?:{names}))'.encode())

    def begins(answer: bytes) -> int | None:
        found = begun.match(answer)
        return found.start(1) if found else None

    return begins


def _at_opening(answer: bytes) -> int | None:
    at = answer.find(OPENING.encode())
    return at if at >= 0 else None


def _arguments(tools: Tools, function: Mapping[str, Any]) -> str:
    """The grammar of all its arguments, as one object. Raises `BadOption` where it is forced."""
    schema = _schema(tools, function)
    try:
        return schema_grammar({**schema, "type": "object"})
    except BadOption:
        if tools.forced:
            raise
        return schema_grammar({"type": "object"})


def _schema(tools: Tools, function: Mapping[str, Any]) -> Mapping[str, Any]:
    """Raises `BadOption` where the function is forced."""
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    if isinstance(schema, dict) and schema.get("type", "object") == "object":
        return schema
    if tools.forced:
        raise BadOption(f"`tools`: the parameters of {function['name']} are not an object's schema")
    return {"type": "object"}


def _json_call(tools: Tools, name: str, arguments: str) -> str:
    """Forced, it is written as templates write it; a model that decides may leave blanks out."""
    key = "parameters" if tools.form == "parameters" else "arguments"
    if tools.forced:
        start = text(f'{{"name": {json.dumps(name)}, "{key}": ')
        call = f"{start} {arguments} {text('}')}"
        line_end = text("\n")
    else:
        line_end = _BLANK
        parts = [
            text("{"), _BLANK, text('"name":'), _BLANK, text(f"{json.dumps(name)},"), _BLANK,
            text(f'"{key}":'), _BLANK, arguments, _BLANK, text("}"),
        ]  # fmt: skip
        call = " ".join(parts)
    if tools.form == "hermes":
        return f"{text(OPENING)} {line_end} {call} {line_end} {text(CLOSING)}"
    return call


def _function_call(tools: Tools, function: Mapping[str, Any], n: int, rules: list[str]) -> str:
    """`<parameter=...>` with its value as JSON, which a text is, too; optional ones may be left out."""
    schema = _schema(tools, function)
    properties, required = schema.get("properties", {}), schema.get("required", ())
    parts = [text(f"{OPENING}\n<function={function['name']}>\n")]
    for m, name in enumerate(properties):
        if tools.forced and name not in required:
            continue
        rules.append(_renamed(_value(tools, properties[name]), f"{n}-{m}"))
        start, end = text(f"<parameter={name}>\n"), text("\n</parameter>\n")
        one = f"{start} root-{n}-{m} {end}"
        parts.append(one if name in required else f"({one})?")
    return " ".join([*parts, text(f"</function>\n{CLOSING}")])


def _value(tools: Tools, schema: Any) -> str:
    """Raises `BadOption` where the function is forced."""
    try:
        return schema_grammar(schema)
    except BadOption:
        if tools.forced:
            raise
        return schema_grammar(True)


def _renamed(grammar: str, n: int | str) -> str:
    """Its rules under names that no other grammar has."""
    lines = [line.split(" ::= ", 1) for line in grammar.splitlines()]
    names = {name for name, _ in lines}
    return "".join(
        f"{name}-{n} ::= {_with_names(expression, names, n)}\n" for name, expression in lines
    )


def _with_names(expression: str, names: set[str], n: int | str) -> str:
    """Names outside of texts and classes; those of rules hold letters, digits and hyphens."""
    parts, at = list[str](), 0
    while at < len(expression):
        end = _end_of_part(expression, at)
        part = expression[at:end]
        parts.append(f"{part}-{n}" if part in names else part)
        at = end
    return "".join(parts)


def _end_of_part(expression: str, at: int) -> int:
    """Of a text, a class, a name, or one other character."""
    first = expression[at]
    if first in '"[':
        closing = '"' if first == '"' else "]"
        end = at + 1
        while expression[end] != closing:
            end += 2 if expression[end] == "\\" else 1
        return end + 1
    end = at
    while end < len(expression) and (expression[end].isalnum() or expression[end] == "-"):
        end += 1
    return max(end, at + 1)
