"""Are answers that have to fit a JSON schema valid? Asked of a running server, checked by jsonschema.

    localcollab serve MODEL
    python scripts/experiments/json_schemas.py [--url URL] [--model MODEL] [--answers 200]

The schemas are the awkward ones of the tests. Each answer has to be valid, or to end with `length`.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import jsonschema

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from awkward_schemas import SCHEMAS

_DRAFT_7 = ("old tuple",)
_OPENAPI = ("nullable",)
"""Its keyword is no JSON schema's: the schema without it says less."""


def ask(url: str, model: str | None, name: str, seed: int) -> tuple[str, str]:
    """Why it ended, and the text."""
    question = f"Give an example of {name} as JSON."
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMAS[name]}}
    body = {
        "model": model, "messages": [{"role": "user", "content": question}], "seed": seed,
        "temperature": 0.8, "max_tokens": 120, "response_format": form,
    }  # fmt: skip
    said = (
        httpx.post(f"{url}/v1/chat/completions", json=body, timeout=600).raise_for_status().json()
    )
    choice = said["choices"][0]
    return choice["finish_reason"], choice["message"]["content"]


def is_valid(name: str, text: str) -> bool:
    draft = jsonschema.Draft7Validator if name in _DRAFT_7 else jsonschema.Draft202012Validator
    schema: Any = {"type": "object"} if name in _OPENAPI else SCHEMAS[name]
    try:
        return bool(draft(schema).is_valid(json.loads(text)))
    except ValueError:
        return False


def main(arguments: argparse.Namespace) -> int:
    counts: Counter[str] = Counter()
    names = list(SCHEMAS)
    for n in range(arguments.answers):
        name = names[n % len(names)]
        reason, text = ask(arguments.url, arguments.model, name, n)
        verdict = "ended with length" if reason == "length" else (
            "valid" if is_valid(name, text) else "invalid"
        )  # fmt: skip
        counts[verdict] += 1
        if verdict == "invalid":
            print(f"{name}, seed {n}: {text!r}")
    print(f"{arguments.answers} answers to {len(names)} schemas: {dict(counts)}")
    return 1 if counts["invalid"] else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--url", default="http://127.0.0.1:8765")
    parser.add_argument("--model")
    parser.add_argument("--answers", type=int, default=200)
    sys.exit(main(parser.parse_args()))
