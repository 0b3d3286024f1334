"""MixInstruct-form data: one instruction per line, with the answers of several models.

`{"id", "instruction", "input"?, "output"?, "candidates": [{"model"?, "text", "scores"?}]}`, as JSONL,
perhaps gzipped. Other keys, such as the form's `cmp_results`, are ignored.
"""

import gzip
import json
import math
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcollab.blend.ranking import Contest, contest_of
from localcollab.errors import BadData

_FORM = '{"id", "instruction", "candidates": [{"model", "text"}]}'


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as the data holds it."""

    text: str
    model: str = ""
    """Empty: the data does not say who gave it."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """How good it is, by measure; larger is better."""


@dataclass(frozen=True, slots=True)
class Record:
    id: str
    instruction: str
    candidates: tuple[Given, ...]
    input: str = ""
    output: str | None = None
    """A reference answer."""

    @property
    def prompt(self) -> str:
        return "\n".join(filter(None, (self.instruction, self.input)))

    @property
    def contest(self) -> Contest:
        """Raises `BadOption` where there is no candidate."""
        named = all(given.model for given in self.candidates)
        models = [given.model for given in self.candidates] if named else []
        return contest_of(self.prompt, [given.text for given in self.candidates], models)


def read_records(path: Path) -> Iterator[Record]:
    """One by one, as the file is read; the first line is checked at once with the file itself.

    Raises `BadData`: file and line are named. A record may hold no candidate.
    """
    n = 0
    if not os.path.isfile(path):  # opening a FIFO would wait for a writer
        raise BadData(f"{path}: no such file: check the path")
    try:
        with _open(path) as lines:
            for n, line in enumerate(lines, 1):
                if line.strip():
                    yield _parse(path, n, line)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise BadData(
            f"{path}: cannot be read after line {n} ({error}): give JSONL in UTF-8, or gzipped"
        ) from error


def read_all_records(path: Path) -> list[Record]:
    """Raises `BadData`, also for a file without a record."""
    records = list(read_records(path))
    if not records:
        raise BadData(f"{path}: holds no record: give one JSON object per line")
    return records


def _open(path: Path) -> Any:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def _parse(path: Path, n: int, line: str) -> Record:
    try:
        table = json.loads(line)
        if not isinstance(table, dict):
            raise ValueError(f"it is {type(table).__name__}, not an object")
        candidates = _get(table, "candidates", list)
        return Record(
            id=str(table.get("id", n)),
            instruction=_get(table, "instruction", str),
            candidates=tuple(_given(k, c) for k, c in enumerate(candidates, 1)),
            input=_get(table, "input", str, ""),
            output=_get(table, "output", str, None),
        )
    except (ValueError, OverflowError, RecursionError) as error:
        raise BadData(f"{path}: line {n} is not a record ({error}): write {_FORM}") from error


def _given(k: int, table: object) -> Given:
    if not isinstance(table, dict):
        raise ValueError(f"candidate {k} is not an object")
    scores = _get(table, "scores", dict, {})
    for name, value in scores.items():
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            raise ValueError(
                f"candidate {k} has the score {name} {value!r}, which is not a finite number"
            )
    numbers = {name: float(value) for name, value in scores.items()}
    try:
        return Given(_get(table, "text", str), _get(table, "model", str, ""), numbers)
    except ValueError as error:
        raise ValueError(f"candidate {k}: {error}") from error


_REQUIRED = object()


def _get(table: Mapping[str, Any], key: str, kind: type, default: object = _REQUIRED) -> Any:
    value = table.get(key, default)
    if value is _REQUIRED:
        raise ValueError(f"it lacks {key!r}")
    if value is None and default is not _REQUIRED:
        return default
    if not isinstance(value, kind):
        raise ValueError(f"its {key!r} is {type(value).__name__}, not {kind.__name__}")
    return value
