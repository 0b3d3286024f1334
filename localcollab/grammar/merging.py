"""Schemas that must all hold -> one schema; whether two can hold together; whether a value is allowed."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from localcollab.errors import BadOption

Schema = dict[str, Any]
TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
_GREATEST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_LEAST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_OF_OBJECTS = ("properties", "required", "additionalProperties")
_ANNOTATIONS = frozenset({
    "title", "description", "default", "examples", "example", "$comment", "$schema", "$id", "id",
    "deprecated", "readOnly", "writeOnly", "$defs", "definitions", "$anchor", "discriminator",
    "externalDocs", "xml", "contentEncoding", "contentMediaType", "contentSchema", "$vocabulary",
})  # fmt: skip
_BY_TYPE = {
    "object": (
        *_OF_OBJECTS,
        "minProperties",
        "maxProperties",
        "patternProperties",
        "propertyNames",
    ),
    "array": ("items", "prefixItems", "minItems", "maxItems", "additionalItems", "contains"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


def canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def plain(schema: Schema) -> Schema:
    """Without annotations."""
    return {key: value for key, value in schema.items() if key not in _ANNOTATIONS}


def types_of(schema: Schema) -> tuple[str, ...]:
    """What it allows: as it says, or as its keywords suggest. Raises `BadOption`."""
    given = schema.get("type")
    if given is None:
        implied = [name for name, keys in _BY_TYPE.items() if any(key in schema for key in keys)]
        return tuple(implied) if implied else TYPES
    several = [given] if isinstance(given, str) else given
    if not isinstance(several, list) or not several or not all(each in TYPES for each in several):
        raise BadOption(f"`json_schema` has the type {given!r}: give one of {', '.join(TYPES)}")
    return tuple(dict.fromkeys(several))


def merge(schemas: Iterable[Schema]) -> Schema:
    """One schema that allows what all of them do. Raises `BadOption` where that cannot be said."""
    merged: Schema = {}
    for schema in schemas:
        merged = _both(merged, plain(schema))
    return merged


def _both(a: Schema, b: Schema) -> Schema:
    both = {**a, **b}
    for key in a.keys() & b.keys():
        if a[key] != b[key] and key not in _OF_OBJECTS:
            both[key] = _joined(key, a[key], b[key])
    if any(key in schema for schema in (a, b) for key in _OF_OBJECTS):
        both |= _objects(a, b)
    return both


def _joined(key: str, one: Any, other: Any) -> Any:
    if key in _GREATEST:
        return max(one, other)
    if key in _LEAST:
        return min(one, other)
    if key == "type":
        return _common_types({"type": one}, {"type": other})
    if key == "enum":
        return [value for value in one if any(same(value, each) for each in other)]
    if key == "items" and isinstance(one, (dict, bool)) and isinstance(other, (dict, bool)):
        return {"allOf": [one, other]}
    if key in ("anyOf", "oneOf", "allOf"):
        # Every pair of alternatives.
        return [{"allOf": [x, y]} for x in one for y in other] if key != "allOf" else [*one, *other]
    raise BadOption(f"`json_schema` combines two different `{key}`: give one of them")


def _common_types(a: Schema, b: Schema) -> list[str]:
    def both(name: str) -> bool:
        return all(
            name in types or (name == "integer" and "number" in types)
            for types in (types_of(a), types_of(b))
        )

    common = [name for name in TYPES if both(name)]
    return [name for name in common if name != "integer" or "number" not in common]


def _objects(a: Schema, b: Schema) -> Schema:
    """`properties`, `required` and `additionalProperties` of both."""
    names = dict.fromkeys([*a.get("properties", {}), *b.get("properties", {})])
    properties: dict[str, Any] = {}
    for name in names:
        parts = [_property(schema, name) for schema in (a, b)]
        kept = [part for part in parts if part is not True]
        if False in parts:
            properties[name] = False
        else:
            properties[name] = kept[0] if len(kept) == 1 else {"allOf": kept} if kept else True
    found: Schema = {"properties": properties}
    required = dict.fromkeys([*a.get("required", ()), *b.get("required", ())])
    if required:
        found["required"] = list(required)
    more = [schema["additionalProperties"] for schema in (a, b) if "additionalProperties" in schema]
    if more:
        schemas = [each for each in more if each is not True]
        found["additionalProperties"] = (
            False if False in more else {"allOf": schemas} if len(schemas) > 1 else (schemas or [True])[0]
        )  # fmt: skip
    return found


def _property(schema: Schema, name: str) -> Any:
    properties = schema.get("properties", {})
    return properties[name] if name in properties else schema.get("additionalProperties", True)


def same(a: object, b: object) -> bool:
    """As JSON: 1 is not true."""
    return canonical(a) == canonical(b)


def admits(schema: Schema, value: object) -> bool:
    """Whether a constant agrees with the simple keywords beside it."""
    return _has_type(types_of(schema) if "type" in schema else TYPES, value) and all(
        _CHECKS[key](value, schema[key]) for key in schema.keys() & _CHECKS.keys()
    )


def _has_type(types: Iterable[str], value: object) -> bool:
    kind = type_of(value)
    is_whole = isinstance(value, float) and value.is_integer()
    return kind in types or (kind == "integer" and "number" in types) or (
        is_whole and "integer" in types
    )  # fmt: skip


def type_of(value: object) -> str:
    kinds: Mapping[type, str] = {
        dict: "object", list: "array", str: "string", bool: "boolean", int: "integer",
        float: "number", type(None): "null",
    }  # fmt: skip
    return kinds[type(value)]


def _of(
    kind: type | tuple[type, ...], check: Callable[[Any, Any], bool]
) -> Callable[[Any, Any], bool]:
    """For values of another kind a keyword says nothing."""
    return lambda value, limit: (
        not isinstance(value, kind) or isinstance(value, bool) or check(value, limit)
    )


_CHECKS: Mapping[str, Callable[[Any, Any], bool]] = {
    "minimum": _of((int, float), lambda value, limit: value >= limit),
    "maximum": _of((int, float), lambda value, limit: value <= limit),
    "exclusiveMinimum": _of((int, float), lambda value, limit: value > limit),
    "exclusiveMaximum": _of((int, float), lambda value, limit: value < limit),
    "minLength": _of(str, lambda value, limit: len(value) >= limit),
    "maxLength": _of(str, lambda value, limit: len(value) <= limit),
    "pattern": _of(str, lambda value, limit: re.search(limit, value) is not None),
    "const": lambda value, limit: same(value, limit),
    "enum": lambda value, limit: any(same(value, each) for each in limit),
    "minItems": _of(list, lambda value, limit: len(value) >= limit),
    "maxItems": _of(list, lambda value, limit: len(value) <= limit),
}


def constants(schema: Schema) -> list[object] | None:
    """The only values it allows, where it lists them."""
    if "const" in schema:
        return [value for value in [schema["const"]] if admits(schema, value)]
    if "enum" in schema:
        return [value for value in schema["enum"] if admits(schema, value)]
    return None


def exclude_each_other(a: Schema, b: Schema) -> bool:
    """Whether surely no value is allowed by both; both without references."""
    if not _common_types(a, b):
        return True
    ones, others = constants(a), constants(b)
    if ones is not None and others is not None:
        return not any(same(one, other) for one in ones for other in others)
    if ones is not None or others is not None:
        listed, other = (ones, b) if ones is not None else (others, a)
        return not any(admits(other, value) for value in listed or ())
    return _is_told_apart(a, b) or _ranges_part(a, b) or _ranges_part(b, a)


def _is_told_apart(a: Schema, b: Schema) -> bool:
    """By a property that one requires, and which the other forbids or gives other values."""
    if types_of(a) != ("object",) or types_of(b) != ("object",):
        return False
    for one, other in ((a, b), (b, a)):
        for name in one.get("required", ()):
            mine, theirs = _property(one, name), _property(other, name)
            if theirs is False:
                return True
            both = (
                isinstance(mine, dict)
                and isinstance(theirs, dict)
                and "$ref" not in (*mine, *theirs)
            )
            if both and name in other.get("required", ()) and exclude_each_other(mine, theirs):
                return True
    return False


def _ranges_part(a: Schema, b: Schema) -> bool:
    """Numbers of which all of one are below all of the other."""
    numbers = {"integer", "number"}
    if not (numbers.issuperset(types_of(a)) and numbers.issuperset(types_of(b))):
        return False
    high, low = (
        a.get("maximum", a.get("exclusiveMaximum")),
        b.get("minimum", b.get("exclusiveMinimum")),
    )
    if high is None or low is None:
        return False
    touches = "exclusiveMaximum" in a or "exclusiveMinimum" in b
    return bool(high < low or (touches and high == low))
