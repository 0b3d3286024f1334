"""What a request allows its answer to be: a grammar, a schema, a call of a tool."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from localcollab.decoding.constrained import Grammar
from localcollab.decoding.lazy_grammar import LazyGrammar
from localcollab.errors import BadOption
from localcollab.grammar.schemas import json_grammar, schema_grammar
from localcollab.llama.grammar import Grammars
from localcollab.server.bodies import ChatBody, Generating
from localcollab.server.call_grammar import call_grammar, where_calls_begin
from localcollab.server.errors import ApiError
from localcollab.server.tools import Tools
from localcollab.server.writing import Ask
from localcollab.teams.opened import OpenTeam

OpenGrammar = Callable[[OpenTeam, str], Grammar]


class GrammarsOfTeams:
    """The children that follow grammars, by model file."""

    def __init__(self) -> None:
        self._by_file: dict[str, Grammars] = {}

    def __call__(self, team: OpenTeam, grammar: str) -> Grammar:
        """At its start, over the base's vocabulary. Raises `BadOption`."""
        if not team.verdicts:
            raise BadOption(
                f"`grammar`: {team.name} has no model file whose vocabulary it could follow"
            )
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
        return replace(ask, grammar=_lazily(team, body, open_grammar, tools))
    # Tried before anything is streamed. A loop within a grammar has to be written to its end.
    open_grammar(team, grammar).close()
    limits = replace(ask.limits, ends_loops=False)
    return replace(ask, limits=limits, grammar=partial(open_grammar, team, grammar))


def _lazily(
    team: OpenTeam, body: Generating, open_grammar: OpenGrammar, tools: Tools | None
) -> Callable[[], Grammar] | None:
    """Any text until a call begins, which then is one of `tools`; None: there is nothing to call."""
    if tools is None or not tools.functions:
        return None
    # The grammar of many functions is long, and most answers need none.
    several = isinstance(body, ChatBody) and body.parallel_tool_calls is not False

    def open_after(before: str) -> Grammar:
        return open_grammar(team, call_grammar(tools, before=before, several=several))

    begins = where_calls_begin(tools)
    return lambda: LazyGrammar(team.model.vocabulary, begins, open_after)


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
