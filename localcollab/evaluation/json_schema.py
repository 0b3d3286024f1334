"""Whether an answer is JSON that fits a schema, by the package jsonschema (extra `schema`).

References to other documents are never fetched.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from localcollab.errors import BadOption
from localcollab.evaluation.answers import json_value


def require_jsonschema() -> None:
    """Before minutes of asking. Raises `BadOption`."""
    if find_spec("jsonschema") is None:
        raise BadOption("a JSON schema needs jsonschema: pip install 'localcollab[schema]'")


def check_schema(schema: Mapping[str, Any] | bool) -> None:
    """Raises `ValueError` where it is not a schema, or refers to another document; `BadOption`."""
    require_jsonschema()
    import jsonschema

    kind = jsonschema.validators.validator_for(schema)
    try:
        kind.check_schema(schema)
        _validator(schema).is_valid(None)
    except RecursionError as error:
        raise ValueError("the schema refers to itself without end") from error
    except Exception as error:  # of jsonschema and referencing: many classes, no common one
        raise ValueError(f"not a JSON schema ({str(error).splitlines()[0][:200]})") from error


def fits(answer: str, schema: Mapping[str, Any] | bool) -> bool:
    """Of a checked schema. Raises `BadOption`."""
    require_jsonschema()
    from referencing.exceptions import Unresolvable

    try:
        return bool(_validator(schema).is_valid(json_value(answer)))
    except (ValueError, RecursionError, Unresolvable):
        return False


def _validator(schema: Mapping[str, Any] | bool) -> Any:
    import jsonschema
    from referencing import Registry

    # An empty registry fetches nothing; the default one would ask the network.
    return jsonschema.validators.validator_for(schema)(schema, registry=Registry())
