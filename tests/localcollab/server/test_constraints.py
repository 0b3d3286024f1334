"""Grammars and schemas of a request, on a small model with its own vocabulary."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcollab.api.sources import TokenSource
from localcollab.decoding.lazy_grammar import LazyGrammar
from localcollab.llama.grammar import Grammars
from localcollab.llama.options import Options
from localcollab.llama.tokenizer import load_vocabulary
from localcollab.server.call_grammar import call_grammar, where_calls_begin
from localcollab.server.tools import Form, Tools
from localcollab.teams.choice import TeamChoice
from server_app import client_of, run

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def source(stories: Path) -> Iterator[Any]:
    found = TokenSource(TeamChoice(team=stories).plan(), Options(n_ctx=512))
    yield found
    found.close()


class _Kept:
    """A source that one test's server leaves open for the next."""

    def __init__(self, source: Any) -> None:
        self._source, self.name = source, "stories"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def close(self) -> None:
        pass


def complete(source: Any, **body: Any) -> Any:
    async def ask() -> Any:
        async with client_of(_Kept(source)) as client:  # type: ignore[arg-type]
            return await client.post(
                "/v1/completions", {"prompt": "Once", "temperature": 0, **body}
            )

    return run(ask())


def test_a_grammar_is_kept_to(source: Any) -> None:
    said = complete(source, grammar='root ::= " upon" | " in"').json["choices"][0]
    assert said["text"] in (" upon", " in")
    assert said["finish_reason"] == "stop"


def test_a_schema_is_kept_to(source: Any) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 3, "maximum": 5}},
              "required": ["n"]}  # fmt: skip
    said = complete(source, json_schema=schema, max_tokens=100).json["choices"][0]
    assert json.loads(said["text"])["n"] in (3, 4, 5)


def test_an_answer_that_is_cut_ends_with_length(source: Any) -> None:
    said = complete(source, json_schema={"type": "string", "minLength": 50}, max_tokens=5).json
    assert said["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("stream", [False, True])
def test_a_grammar_that_does_not_parse_is_refused_before_anything_is_sent(
    source: Any, stream: bool
) -> None:
    answered = complete(source, grammar="root ::= nothing", stream=stream)
    assert answered.status == 400
    assert "nothing" in answered.error["message"]


def test_a_grammar_that_takes_all_time_ends_alone(
    source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("localcollab.llama.grammar.SECONDS", 1.0)
    rules = [f'r{n} ::= r{n + 1} r{n + 1} | "a"?' for n in range(40)]
    grammar = "\n".join(["root ::= r0", *rules, 'r40 ::= "b"?'])
    assert complete(source, grammar=grammar).status == 400
    assert complete(source, max_tokens=2).status == 200


def test_two_constraints_do_not_go_together(source: Any) -> None:
    answered = complete(source, grammar='root ::= "a"', json_schema={})
    assert (answered.status, answered.error["param"]) == (400, "json_schema")


FUNCTIONS = (
    {"name": "weather", "parameters": {"type": "object", "properties": {
        "place": {"enum": ["Oslo", "Rome"]}, "days": {"type": "integer"}}, "required": ["place"]}},
    {"name": "time"},
)  # fmt: skip
_CALLS: dict[Form, list[str]] = {
    "hermes": [
        '<tool_call>\n{"name": "weather", "arguments": {"place": "Oslo"}}\n</tool_call>',
        '<tool_call>{"name":"weather","arguments":{"place":"Rome","days":2}}</tool_call>',
        '<tool_call>\n{"name": "time", "arguments": {}}\n</tool_call>\n<tool_call>\n{"name": "time", '
        '"arguments": {}}\n</tool_call>',
    ],
    "functions": [
        '<tool_call>\n<function=weather>\n<parameter=place>\n"Oslo"\n</parameter>\n<parameter=days>\n2\n'
        "</parameter>\n</function>\n</tool_call>",
        "<tool_call>\n<function=time>\n</function>\n</tool_call>",
    ],
    "arguments": ['{"name": "weather", "arguments": {"place": "Oslo"}}'],
    "parameters": ['{"name": "time", "parameters": {}}'],
}


@pytest.mark.parametrize("form", list(_CALLS))
@pytest.mark.parametrize("before", ["", "Let me see: "])
def test_a_call_that_a_model_decides_on_is_kept_to_its_schema(
    form: Form, before: str, stories: Path
) -> None:
    """Letter by letter, as llama.cpp follows it: right calls are possible, others are not."""
    if before and form in ("arguments", "parameters"):
        before = " "
    vocabulary = load_vocabulary(stories)
    grammars = Grammars(stories, vocabulary)
    found = Tools(FUNCTIONS, form, True)

    def allowed(text: str) -> bool:
        grammar = LazyGrammar(
            vocabulary, where_calls_begin(found),
            lambda before: grammars.open(call_grammar(found, before=before, several=True)),
        )  # fmt: skip
        tokens = [each for letter in text for each in vocabulary.encode_bytes(letter.encode())]
        try:
            return all(grammar.allowed(tokens[:n])[token] for n, token in enumerate(tokens))
        finally:
            grammar.close()

    try:
        for call in _CALLS[form]:
            assert allowed(before + call)
            wrong = call.replace("Oslo", "Bonn").replace("Rome", "Bonn").replace("{}", "[]")
            assert not allowed(before + wrong.replace("function=time", "function=tide"))
    finally:
        grammars.close()
