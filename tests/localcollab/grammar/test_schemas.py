"""JSON schemas as grammars: every text that a grammar allows is valid."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from awkward_schemas import SCHEMAS
from conftest import examples
from localcollab.errors import BadOption
from localcollab.grammar.schemas import json_grammar, schema_grammar
from localcollab.llama.grammar import Grammars
from localcollab.llama.tokenizer import load_vocabulary
from localcollab.vocabulary import Vocabulary

_MOST_TOKENS = 300


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"not": {"type": "null"}}, "not"),
        ({"type": "object", "not": {}}, "not"),
        ({"type": "array", "contains": {}}, "contains"),
        ({"type": "object", "maxProperties": 0}, "maxProperties"),
        ({"type": "object", "patternProperties": {"a": {}}}, "patternProperties"),
        ({"type": "object", "if": {"required": ["a"]}, "then": {"required": ["b"]}}, "if"),
        ({"type": "integer", "multipleOf": 7}, "multipleOf"),
        ({"type": "string", "pattern": "a(?=b)"}, "pattern"),
        ({"type": "string", "pattern": "^a*$", "maxLength": 3}, "pattern"),
        ({"type": "string", "format": "moon-phase"}, "format"),
        ({"$ref": "http://example.com/schema"}, "refers"),
        ({"$ref": "#/$defs/missing"}, "refers"),
        ({"$ref": "#"}, "itself"),
        ({"type": "colour"}, "type"),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "overlap"),
        ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}], "type": "object"}, "overlap"),
        ({"type": "object", "minProperties": 3}, "minProperties"),
        ({"type": "object", "properties": {"a": False}, "required": ["a"]}, "nothing"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "bounds"),
        ({"type": "string", "minLength": 5000}, "possible"),
        ({"type": "string", "enum": [1, 2]}, "no value"),
        ({"anyOf": []}, "empty"),
        (False, "nothing"),
    ],
)
def test_what_cannot_be_promised_is_refused_by_name(schema: Any, keyword: str) -> None:
    with pytest.raises(BadOption, match=keyword):
        schema_grammar(schema)


def test_equal_parts_are_one_rule() -> None:
    point = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    grammar = schema_grammar({"type": "array", "prefixItems": [point, point]})
    assert grammar.count('\\"x\\"') == 1


@pytest.fixture(scope="module")
def grammars(stories: Path) -> Iterator[tuple[Grammars, Vocabulary]]:
    vocabulary = load_vocabulary(stories)
    found = Grammars(stories, vocabulary)
    yield found, vocabulary
    found.close()


@pytest.mark.weights
@pytest.mark.parametrize("name", SCHEMAS)
def test_every_text_of_a_walk_through_the_grammar_is_valid(
    name: str, grammars: tuple[Grammars, Vocabulary]
) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = (
        jsonschema.Draft7Validator if name == "old tuple" else jsonschema.Draft202012Validator
    )
    grammar = schema_grammar(SCHEMAS[name])
    rng = random.Random(name)
    finished = [text for _ in range(examples(8)) if (text := _walk(*grammars, grammar, rng))]
    assert finished
    for text in finished:
        value = json.loads(text)
        schema = {"type": ["integer", "null"]} if name == "nullable" else SCHEMAS[name]
        validator(schema).validate(value["a"] if name == "nullable" else value)


@pytest.mark.weights
def test_any_object_is_an_object(grammars: tuple[Grammars, Vocabulary]) -> None:
    rng = random.Random(1)
    finished = [text for _ in range(20) if (text := _walk(*grammars, json_grammar(), rng))]
    assert finished
    assert all(isinstance(json.loads(text), dict) for text in finished)


def _walk(
    grammars: Grammars, vocabulary: Vocabulary, grammar: str, rng: random.Random
) -> str | None:
    """A random text of the grammar; None where it does not end soon."""
    state = grammars.open(grammar)
    tokens: list[int] = []
    try:
        while len(tokens) < _MOST_TOKENS:
            allowed = state.allowed(tokens).nonzero()[0].tolist()
            ends = vocabulary.end.intersection(allowed)
            if ends and (len(ends) == len(allowed) or rng.random() < 0.3):
                return vocabulary.decode(tokens)
            tokens.append(_choice([t for t in allowed if t not in ends], tokens, vocabulary, rng))
    finally:
        state.close()
    return None


def _choice(
    allowed: list[int], tokens: list[int], vocabulary: Vocabulary, rng: random.Random
) -> int:
    """What closes something is preferred, the more the longer the text is."""
    pieces = {t: set(vocabulary.piece(t)) for t in allowed}
    closing = [t for t, piece in pieces.items() if piece & set(b'"}]') and 0x5C not in piece]
    wants_end = rng.random() < 0.2 + len(tokens) / 100
    return rng.choice(closing if closing and wants_end else allowed)
