"""What a request allows its answer to be: a grammar, a schema, a call of a tool."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from localcollab.decoding.constrained import Grammar
from localcollab.errors import BadOption
from localcollab.grammar.gbnf import any_of, text
from localcollab.grammar.schemas import json_grammar, schema_grammar
from localcollab.llama.grammar import Grammars
from localcollab.server.bodies import ChatBody, Generating
from localcollab.server.errors import ApiError
from localcollab.server.tools import CLOSING, OPENING, Tools
from localcollab.server.writing import Ask
from localcollab.teams.open import OpenTeam

OpenGrammar = Callable[[OpenTeam, str], Grammar]


class GrammarsOfTeams:
    """The children that follow grammars, by model file."""

    def __init__(self) -> None:
        self._by_file: dict[str, Grammars] = {}

    def __call__(self, team: OpenTeam, grammar: str) -> Grammar:
        """At its start, over the base's vocabulary. Raises `BadOption`."""
        path = next(iter(team.verdicts.values())).path
        known = self._by_file.get(path)
        if known is None:
            known = self._by_file.setdefault(path, Grammars(Path(path), team.model.vocabulary))
        return known.open(grammar)

    def close(self) -> None:
        for grammars in self._by_file.values():
            grammars.close()


def constrained(
    team: OpenTeam,
    ask: Ask,
    body: Generating,
    open_grammar: OpenGrammar,
    tools: Tools | None = None,
    *,
    question: str = "",
) -> Ask:
    """`ask` with the grammar that the body wants, if it wants one. Raises `ApiError`, `BadOption`."""
    grammar = _grammar(body, tools)
    ask = replace(ask, question=question)
    if grammar is None:
        return ask
    # Tried before anything is streamed. A loop within a grammar has to be written to its end.
    open_grammar(team, grammar).close()
    limits = replace(ask.limits, ends_loops=False)
    return replace(ask, limits=limits, grammar=partial(open_grammar, team, grammar))


def _grammar(body: Generating, tools: Tools | None) -> str | None:
    wanted: dict[str, Callable[[], str]] = {}
    if body.grammar is not None:
        wanted["grammar"] = partial(str, body.grammar)
    if body.json_schema is not None:
        wanted["json_schema"] = partial(schema_grammar, body.json_schema)
    form = body.response_format if isinstance(body, ChatBody) else None
    if form is not None and form.type != "text":
        wanted["response_format"] = partial(_format_grammar, form.type, form.wanted)
    if tools is not None and tools.forced:
        wanted["tool_choice"] = partial(call_grammar, tools)
    if len(wanted) > 1:
        first, second = list(wanted)[:2]
        raise ApiError(400, f"`{first}` and `{second}` do not go together", param=second)
    return next((make() for make in wanted.values()), None)


def _format_grammar(kind: str, schema: Any) -> str:
    if kind == "json_object" and schema is None:
        return json_grammar()
    if schema is None:
        raise ApiError(
            400, "`response_format` of the type json_schema needs json_schema.schema",
            param="response_format",
        )  # fmt: skip
    return schema_grammar(schema)


def call_grammar(tools: Tools) -> str:
    """One call of one of the functions that are forced, in the template's form."""
    rules, roots = list[str](), list[str]()
    for n, function in enumerate(tools.functions):
        if function["name"] not in tools.forced:
            continue
        schema = function.get("parameters") or {"type": "object", "properties": {}}
        if not isinstance(schema, dict) or schema.get("type", "object") != "object":
            raise BadOption(
                f"`tools`: the parameters of {function['name']} are not an object's schema"
            )
        if tools.form == "functions":
            roots.append(_function_call(function["name"], schema, n, rules))
            continue
        rules.append(_renamed(schema_grammar({**schema, "type": "object"}), n))
        roots.append(_json_call(tools, function["name"], f"root-{n}"))
    return f"root ::= {any_of(roots)}\n" + "".join(rules)


def _json_call(tools: Tools, name: str, arguments: str) -> str:
    key = "parameters" if tools.form == "parameters" else "arguments"
    start = text(f'{{"name": {json.dumps(name)}, "{key}": ')
    call = f"{start} {arguments} {text('}')}"
    if tools.form == "hermes":
        return f"{text(OPENING + chr(10))} {call} {text(chr(10) + CLOSING)}"
    return call


def _function_call(name: str, schema: Mapping[str, Any], n: int, rules: list[str]) -> str:
    """`<parameter=...>` for each required one, with its value as JSON, which a text is, too."""
    properties = schema.get("properties", {})
    required = [each for each in properties if each in schema.get("required", ())]
    parts = [text(f"{OPENING}\n<function={name}>\n")]
    for m, each in enumerate(required):
        rules.append(_renamed(schema_grammar(properties[each]), f"{n}-{m}"))
        parts += [text(f"<parameter={each}>\n"), f"root-{n}-{m}", text("\n</parameter>\n")]
    return " ".join([*parts, text(f"</function>\n{CLOSING}")])


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
