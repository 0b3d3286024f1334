"""A JSON schema -> a grammar whose every text is valid. It may allow less than the schema, never more.

Properties come in the order in which they are declared; what is not declared is written only where
`additionalProperties` says so; bounded texts and lists end after a few hundred characters or items;
numbers have 15 digits. A keyword that a grammar cannot promise is refused by its name.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from localcollab.errors import BadOption
from localcollab.grammar.formats import FORMATS
from localcollab.grammar.gbnf import MOST_REPETITIONS, Rules, any_of, one_of, repeated, text
from localcollab.grammar.merging import (
    Schema,
    canonical,
    constants,
    exclude_each_other,
    merge,
    plain,
    types_of,
)
from localcollab.grammar.numbers import INTEGER, NUMBER, number
from localcollab.grammar.patterns import pattern

_SPACE = r'| " " | "\n"{1,2} [ \t]{0,20}'
_CHAR = (
    r'[^"\\\x00-\x1F\x7F] | "\\" ( ["\\/bfnrt] | "u" ( [0-9a-cA-CefEF] [0-9a-fA-F]{3} '
    r"| [dD] [0-7] [0-9a-fA-F]{2} ) )"
)
_KEY_CHAR = r'[^"\\\x00-\x1F\x7F]'
_COMMA = ' space "," space '
_REFUSED = (
    "patternProperties", "propertyNames", "dependentRequired", "dependentSchemas", "dependencies", "if",
    "then", "else", "not", "contains", "minContains", "maxContains", "unevaluatedProperties",
    "unevaluatedItems", "$dynamicRef", "$recursiveRef", "maxProperties",
)  # fmt: skip
_NEVER_EMPTY = ("not", "contains")
"""Of those: what means something even where it says nothing."""
_DEEPEST = 64
_MOST_RULES = 2000


def json_grammar() -> str:
    """Any JSON object."""
    return schema_grammar({"type": "object"})


def schema_grammar(schema: Schema | bool) -> str:
    """Raises `BadOption`, which names the keyword that is in the way."""
    return _Converter(schema).grammar()


class _Converter:
    """One schema's rules. Equal parts become one rule, so a schema that refers to itself ends."""

    def __init__(self, root: Schema | bool) -> None:
        self._root = root
        self._rules = Rules()
        self._known: dict[str, str] = {}

    def grammar(self) -> str:
        self._rules.reserve("root")
        space = self._rules.reserve("space")
        self._rules.define(space, _SPACE)
        try:
            self._rules.define("root", self._visit(self._root, "value"))
        except RecursionError as error:
            raise BadOption("`json_schema` is nested too deeply: make it flatter") from error
        found = self._rules.grammar()
        if found.count("\n") > _MOST_RULES:
            raise BadOption(f"`json_schema` becomes more than {_MOST_RULES} rules: make it smaller")
        return found

    def _visit(self, schema: Any, hint: str, depth: int = 0) -> str:
        """The name of the rule for it."""
        if schema is True:
            schema = {}
        if not isinstance(schema, dict):
            raise BadOption(
                "`json_schema` allows nothing here (false): leave the property out"
                if schema is False
                else f"`json_schema` has {str(schema)[:40]!r} where a schema belongs"
            )
        key = canonical(plain(schema))
        if key not in self._known:
            # Known before its parts are looked at: they may hold it again.
            self._known[key] = self._rules.reserve(hint)
            self._rules.define(self._known[key], self._expression(schema, hint, depth))
        return self._known[key]

    def _expression(self, schema: Schema, hint: str, depth: int) -> str:
        schema = self._resolved(schema, depth)
        for name in _REFUSED:
            is_empty = schema.get(name) in (None, {}, [])
            if not is_empty or (name in _NEVER_EMPTY and name in schema):
                raise _unpromised(name)
        for name in ("anyOf", "oneOf"):
            if name in schema:
                return self._union(schema, name, hint, depth)
        listed = constants(schema)
        if listed is not None:
            if not listed:
                raise BadOption(f"`json_schema`: no value of {hint} is allowed by its keywords")
            return any_of(text(json.dumps(value, ensure_ascii=False)) for value in listed)
        types = types_of(schema)
        if len(types) > 1:
            parts = [
                self._visit({**schema, "type": each}, f"{hint}-{each}", depth) for each in types
            ]
            return any_of(parts)
        return self._typed(schema, types[0], hint)

    def _resolved(self, schema: Schema, depth: int) -> Schema:
        """With references and `allOf` replaced by what they say together."""
        for _ in range(_DEEPEST):
            if schema.get("nullable") is True:
                rest = {key: value for key, value in schema.items() if key != "nullable"}
                return {"anyOf": [rest, {"type": "null"}]}
            if "$ref" in schema:
                target = self._target(schema["$ref"])
                rest = plain({key: value for key, value in schema.items() if key != "$ref"})
                schema = merge([target, rest]) if rest else target
            elif "allOf" in schema:
                rest = {key: value for key, value in schema.items() if key != "allOf"}
                parts = [self._resolved(_object(part), depth + 1) for part in schema["allOf"]]
                schema = merge([*parts, rest])
            else:
                return plain(schema)
        raise BadOption("`json_schema` refers to itself without end: change its $ref or allOf")

    def _target(self, reference: Any) -> Schema:
        found: Any = self._root
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise BadOption(
                f"`json_schema` refers to {str(reference)[:60]!r}: only # and #/... are known"
            )
        for part in filter(None, reference[1:].split("/")):
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and key.isdigit() and int(key) < len(found):
                found = found[int(key)]
            elif isinstance(found, dict) and key in found:
                found = found[key]
            else:
                raise BadOption(f"`json_schema` refers to {reference[:60]!r}, which is not in it")
        return _object(found)

    def _union(self, schema: Schema, name: str, hint: str, depth: int) -> str:
        if depth > _DEEPEST:
            raise BadOption("`json_schema` is nested too deeply: make it flatter")
        beside = {key: value for key, value in schema.items() if key != name}
        given = schema[name]
        if not isinstance(given, list) or not given:
            raise BadOption(f"`json_schema` has an empty {name}: give alternatives")
        alternatives = [
            merge([self._resolved(_object(each), depth + 1), beside])
            for each in given
            if each is not False
        ]
        if name == "oneOf":
            self._require_apart(alternatives, depth)
        parts = [
            self._visit(each, f"{hint}-{n}", depth + 1) for n, each in enumerate(alternatives, 1)
        ]
        return any_of(parts)

    def _require_apart(self, alternatives: Sequence[Schema], depth: int) -> None:
        """`oneOf` allows what exactly one allows: they must not overlap."""
        flat = [self._with_flat_properties(each, depth) for each in alternatives]
        for n, one in enumerate(flat):
            for m, other in enumerate(flat[:n]):
                if not exclude_each_other(one, other):
                    raise BadOption(
                        f"`json_schema` has a oneOf whose alternatives {m + 1} and {n + 1} may overlap: "
                        "use anyOf, or give them a property with different constants"
                    )

    def _with_flat_properties(self, schema: Schema, depth: int) -> Schema:
        properties = schema.get("properties")
        if not isinstance(properties, dict):
            return schema
        flat = {
            name: self._resolved(each, depth + 1) if isinstance(each, dict) else each
            for name, each in properties.items()
        }
        return {**schema, "properties": flat}

    def _typed(self, schema: Schema, kind: str, hint: str) -> str:
        match kind:
            case "object":
                return self._object(schema, hint)
            case "array":
                return self._array(schema, hint)
            case "string":
                return self._string(schema)
            case "integer" | "number":
                return self._number(schema, kind)
            case "boolean":
                return '"true" | "false"'
        return '"null"'

    def _number(self, schema: Schema, kind: str) -> str:
        return number(schema, kind) or self._rules.add(
            kind, INTEGER if kind == "integer" else NUMBER
        )

    def _string(self, schema: Schema) -> str:
        least, most = _count(schema, "minLength"), _count(schema, "maxLength")
        form = schema.get("format")
        if form is not None and form not in FORMATS:
            raise BadOption(
                f"`json_schema` has the format {str(form)[:40]!r}: known are {', '.join(FORMATS)}"
            )
        if form is not None and "pattern" in schema:
            raise BadOption("`json_schema` has a format and a pattern: give one of them")
        if form is None and "pattern" not in schema:
            char = self._rules.add("char", _CHAR)
            return f"{text(chr(34))} {repeated(char, *_limited(least, most))} {text(chr(34))}"
        inner, shortest, longest = FORMATS[form] if form else pattern(schema["pattern"])
        if shortest < (least or 0) or (most is not None and longest > most):
            raise BadOption(
                "`json_schema` has a pattern or a format whose length is not within minLength and "
                "maxLength: write the length into the pattern"
            )
        return f"{text(chr(34))} {inner} {text(chr(34))}"

    def _array(self, schema: Schema, hint: str) -> str:
        if schema.get("uniqueItems") and (_count(schema, "maxItems") or 2) > 1:
            raise _unpromised("uniqueItems")
        items, first = schema.get("items", True), schema.get("prefixItems", [])
        if isinstance(items, list):  # as before 2020
            items, first = schema.get("additionalItems", True), items
        least, most = _count(schema, "minItems") or 0, _count(schema, "maxItems")
        parts = [self._visit(each, f"{hint}-item-{n}") for n, each in enumerate(first[:most])]
        return f'"[" space {self._items(parts, items, least, most, hint)} "]"'

    def _items(self, parts: list[str], items: Any, least: int, most: int | None, hint: str) -> str:
        """Between the brackets, with the space before the last one."""
        n_left = max(0, least - len(parts))
        if items is False or (most is not None and most <= len(parts)):
            if n_left:
                raise BadOption("`json_schema` has a list that needs more items than it may have")
            return f"{_COMMA.join(parts)} space" if parts else ""
        item = self._visit(items, f"{hint}-item")
        low, high = _limited(n_left, None if most is None else most - len(parts))
        if parts:
            more = self._rules.add(f"{hint}-more", f'space "," space {item}')
            # Nothing is written behind a tuple that need not be there.
            return f"{_COMMA.join(parts)} {repeated(more, low, low)} space"
        more = self._rules.add(f"{hint}-more", f'space "," space {item}')
        several = (
            f"{item} {repeated(more, max(0, low - 1), None if high is None else high - 1)} space"
        )
        return several if low else f"( {several} )?"

    def _object(self, schema: Schema, hint: str) -> str:
        properties = dict(_mapping(schema.get("properties", {})))
        required = list(schema.get("required", []))
        # What is not declared is written only where the schema says so, or says nothing at all.
        more = schema.get("additionalProperties", not (properties or required))
        for name in required:
            if name not in properties:
                properties[name] = schema.get("additionalProperties", True)
        names = list(properties)
        properties = {
            n: each for n, each in properties.items() if each is not False or n in required
        }
        pairs = [
            (self._pair(name, each, hint), name in required) for name, each in properties.items()
        ]
        least = _count(schema, "minProperties") or 0
        if least > max(1, len(required)):
            raise _unpromised("minProperties")
        extra = None if more is False else self._extra(names, more, hint)
        inner = self._members(pairs, extra, hint, is_empty=not least)
        return f'"{{" space {inner} "}}"'

    def _pair(self, name: str, schema: Any, hint: str) -> str:
        value = self._visit(schema, f"{hint}-{name}")
        written = text(json.dumps(name, ensure_ascii=False))
        return self._rules.add(f"{hint}-{name}-pair", f'{written} space ":" space {value}')

    def _extra(self, names: Sequence[str], schema: Any, hint: str) -> str:
        """A member whose name is none of `names`."""
        value = self._visit(schema, f"{hint}-extra")
        key = self._other_key(names)
        return self._rules.add(f"{hint}-other", f'{key} space ":" space {value}')

    def _other_key(self, names: Sequence[str]) -> str:
        if not names:
            char = self._rules.add("char", _CHAR)
            return self._rules.add("key", f"{text(chr(34))} {char}{{0,64}} {text(chr(34))}")
        rest = self._unlike(sorted(set(names)))
        return self._rules.add("other-key", f"{text(chr(34))} {rest} {text(chr(34))}")

    def _unlike(self, names: Sequence[str]) -> str:
        """Texts that are none of `names`, letter by letter; without escapes, which could spell one."""
        nexts: dict[str, list[str]] = {}
        for name in names:
            if name:
                nexts.setdefault(name[0], []).append(name[1:])
        parts = [] if "" in names else ['""']
        usual = [letter for letter in nexts if letter not in '"\\' and ord(letter) >= 0x20]
        parts += [f"{text(letter)} {self._unlike(nexts[letter])}" for letter in usual]
        taken = [(ord(letter),) * 2 for letter in usual]
        other = one_of([*taken, (0, 0x1F), (0x22, 0x22), (0x5C, 0x5C), (0x7F, 0x7F)], negated=True)
        parts.append(f"{other} {_KEY_CHAR}{{0,64}}")
        return self._rules.add("unlike", " | ".join(parts))

    def _members(
        self, pairs: Sequence[tuple[str, bool]], extra: str | None, hint: str, *, is_empty: bool
    ) -> str:
        """Between the braces: declared ones in their order, then others, with commas between."""
        tails = self._tails(pairs, extra, hint)
        starts: list[str] = []
        for n, (pair, is_required) in enumerate(pairs):
            starts.append(f"{pair} {tails[n + 1]} space")
            if is_required:
                break
        else:
            if extra is not None:
                starts.append(f"{extra} {tails[-1]} space")
            if is_empty:
                starts.append('""')
        if not starts:
            raise BadOption("`json_schema` wants an object with a member, and allows none")
        return any_of(starts)

    def _tails(self, pairs: Sequence[tuple[str, bool]], extra: str | None, hint: str) -> list[str]:
        """What follows a member, at each place in the order."""
        if extra is None:
            tails = ['""']
        else:
            more = self._rules.add(f"{hint}-others", f'space "," space {extra}')
            tails = [repeated(more, 0, None)]
        for pair, is_required in reversed(pairs):
            one = f'space "," space {pair}'
            part = f"{one if is_required else f'( {one} )?'} {tails[0]}"
            tails.insert(0, self._rules.add(f"{hint}-tail", part))
        return tails


def _unpromised(keyword: str) -> BadOption:
    return BadOption(f"`json_schema` uses {keyword}, which a grammar cannot promise: leave it out")


def _object(schema: Any) -> Schema:
    if schema is True:
        return {}
    if not isinstance(schema, dict):
        raise BadOption(f"`json_schema` has {str(schema)[:40]!r} where a schema belongs")
    return schema


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadOption("`json_schema` has properties that are not an object")
    return value


def _count(schema: Schema, name: str) -> int | None:
    value = schema.get(name)
    if value is None:
        return None
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or value < 0
        or value != int(value)
    ):
        raise BadOption(f"`json_schema` has {name} {value!r}: give a whole number from 0 up")
    return int(value)


def _limited(least: int | None, most: int | None) -> tuple[int, int | None]:
    """Bounds that llama.cpp takes."""
    low = least or 0
    if low > MOST_REPETITIONS or (most is not None and most < low):
        raise BadOption(
            f"`json_schema` asks for {low} to {most} characters or items: at least {MOST_REPETITIONS} "
            "or fewer are possible"
        )
    return low, None if most is None else min(most, max(low, MOST_REPETITIONS))
