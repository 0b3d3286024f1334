"""JSON schemas that converters get wrong: references, merging, bounds, optional members, odd names."""

from typing import Any

_POINT = {
    "type": "object",
    "properties": {"x": {"type": "number"}, "y": {"type": "number"}},
    "required": ["x", "y"],
    "additionalProperties": False,
}

SCHEMAS: dict[str, Any] = {
    "optional": {
        "type": "object",
        "properties": {n: {"type": "boolean"} for n in "abc"},
        "required": ["b"],
        "additionalProperties": False,
    },
    "none required": {"type": "object", "properties": {"a": {"type": "null"}, "b": {"const": 1}}},
    "additional": {
        "type": "object",
        "properties": {"id": {"type": "integer"}, "ids": {"type": "integer"}},
        "required": ["id"],
        "additionalProperties": {"type": "boolean"},
    },
    "odd names": {
        "type": "object",
        "properties": {
            'a"b': {"type": "integer"},
            "c\\d": {"type": "integer"},
            "é 🙂": {"type": "integer"},
            "": {"type": "integer"},
            "new\nline": {"type": "integer"},
        },
        "required": ['a"b', "c\\d", "é 🙂", "", "new\nline"],
    },
    "recursive": {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "value": {"type": "integer"},
                    "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                },
                "required": ["value", "next"],
                "additionalProperties": False,
            }
        },
    },
    "all of": {
        "allOf": [
            {"$ref": "#/definitions/a"},
            {"properties": {"b": {"minimum": 3}}, "required": ["b"]},
        ],
        "definitions": {
            "a": {
                "type": "object",
                "properties": {
                    "a": {"type": "string", "maxLength": 3},
                    "b": {"type": "integer", "maximum": 5},
                },
                "required": ["a"],
            }
        },
    },
    "one of": {
        "oneOf": [
            {
                "type": "object",
                "properties": {
                    "kind": {"const": "cat"},
                    "lives": {"type": "integer", "minimum": 1, "maximum": 9},
                },
                "required": ["kind", "lives"],
            },
            {
                "type": "object",
                "properties": {
                    "kind": {"const": "dog"},
                    "name": {"type": "string", "maxLength": 8},
                },
                "required": ["kind", "name"],
            },
        ]
    },
    "integers": {
        "type": "array",
        "items": {"type": "integer", "minimum": -17, "exclusiveMaximum": 203},
        "minItems": 2,
        "maxItems": 4,
    },
    "numbers": {
        "type": "array",
        "items": {"type": "number", "exclusiveMinimum": 0, "maximum": 1.5},
        "minItems": 1,
        "maxItems": 3,
    },
    "tuple": {
        "type": "array",
        "prefixItems": [{"type": "boolean"}, {"enum": ["x", 2, None]}],
        "items": False,
        "minItems": 2,
    },
    "old tuple": {
        "type": "array",
        "items": [{"const": {"a": [1, "b"]}}, _POINT],
        "additionalItems": False,
        "minItems": 2,
    },
    "strings": {
        "type": "array",
        "items": {"type": "string", "minLength": 2, "maxLength": 4},
        "minItems": 2,
        "maxItems": 2,
    },
    "pattern": {"type": "string", "pattern": r"^[A-Z]{2}-\d{3,4}$", "maxLength": 7},
    "inner pattern": {"type": "string", "pattern": '^a"?b'},
    "formats": {
        "type": "object",
        "properties": {
            f: {"type": "string", "format": f}
            for f in ("date", "time", "date-time", "uuid", "ipv4")
        },
        "required": ["date", "time", "date-time", "uuid", "ipv4"],
    },
    "several types": {
        "type": ["string", "integer", "null"],
        "maxLength": 2,
        "minimum": 7,
        "maximum": 8,
    },
    "nullable": {
        "type": "object",
        "properties": {"a": {"type": "integer", "nullable": True}},
        "required": ["a"],
    },
    "enum within a type": {"type": "string", "enum": ["a", 1, "", "\n", "\u2028"]},
    "any of beside": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        "additionalProperties": False,
    },
    "multiples": {"type": "integer", "multipleOf": 25, "minimum": -60, "maximum": 110},
    "nested lists": {
        "type": "array",
        "items": {"type": "array", "items": {"type": "array", "maxItems": 1}, "maxItems": 2},
        "maxItems": 2,
    },
    "required undeclared": {
        "type": "object",
        "required": ["a", "b"],
        "additionalProperties": {"type": "integer"},
    },
}
