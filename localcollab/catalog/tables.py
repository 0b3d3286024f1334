"""TOML whose tables can be read one by one: a fault in one does not take the others with it."""

import itertools
import re
import tomllib
from typing import Any

_HEADER = re.compile(r"^[ \t]*\[", re.MULTILINE)


def parse_tables(text: str) -> tuple[dict[str, Any], list[str]]:
    """What `tomllib` reads, and no fault; else every table that can be read by itself, and a line for
    each other one, with the number of the line it begins at."""
    try:
        return tomllib.loads(text), []
    except (ValueError, RecursionError):
        return _one_by_one(text)


def _one_by_one(text: str) -> tuple[dict[str, Any], list[str]]:
    starts = [0, *(found.start() for found in _HEADER.finditer(text)), len(text)]
    read: dict[str, Any] = {}
    headers, faults = set[str](), []
    for start, end in itertools.pairwise(starts):
        part, line = text[start:end], text.count("\n", 0, start) + 1
        header = part.strip().partition("\n")[0]
        try:
            table = tomllib.loads(part)
        except (ValueError, RecursionError) as error:
            where = header if header.startswith("[") else "the beginning"
            faults.append(f"{where} (line {line}) is not TOML ({error}): correct it")
            continue
        if header in headers or not _fits(read, table):
            faults.append(f"{header} (line {line}) is there twice: rename one")
            continue
        headers.add(header)
        _merge(read, table)
    return read, faults


def _fits(whole: dict[str, Any], part: dict[str, Any]) -> bool:
    """No key gets two values."""
    return all(
        isinstance(whole[key], dict) and isinstance(value, dict) and _fits(whole[key], value)
        for key, value in part.items()
        if key in whole
    )


def _merge(whole: dict[str, Any], part: dict[str, Any]) -> None:
    for key, value in part.items():
        if key in whole:
            _merge(whole[key], value)
        else:
            whole[key] = value
