"""Finds models by words: in the catalogue, and among the files of other programs."""

import re
from collections.abc import Iterator, Sequence

from localcollab.catalog import Catalog
from localcollab.models.listing import ModelRecord, model_record, size_text
from localcollab.models.other_programs import Found

_WORD = re.compile(r"\S+")


def search_catalog(catalog: Catalog, words: str) -> list[ModelRecord]:
    """The models that hold every word, in any case; those whose names do first."""
    found = [model_record(catalog, name) for name in catalog.models]
    matching = [record for record in found if _holds(_text(record), words)]
    return sorted(matching, key=lambda record: not _holds(record["name"], words))


def search_elsewhere(files: Sequence[Found], words: str) -> list[Found]:
    """By name, program, repository, and size."""
    return [file for file in files if _holds(" ".join(_words_of(file)), words)]


def _words_of(file: Found) -> Iterator[str]:
    yield from (file.name, file.program, file.repository or "", size_text(file.size_bytes))


def _holds(text: str, words: str) -> bool:
    text = text.casefold()
    return all(word in text for word in _WORD.findall(words.casefold()))


def _text(record: ModelRecord) -> str:
    """Names, what it is for, its licence, and its size in memory and in parameters."""
    keys = ("name", "about", "licence", "repository", "file", "package")
    parts = [str(record[key] or "") for key in keys]  # type: ignore[literal-required]
    if record["on_disk"] is not None:
        parts.append(f"{size_text(record['on_disk'])} installed")
    if record["parameters"]:
        parts.append(_short(record["parameters"]))
    return " ".join([*parts, *record["teams"]])


def _short(n: int) -> str:
    """1_540_000_000 -> "1.5B", as the names of models have it."""
    for unit, factor in (("B", 10**9), ("M", 10**6)):
        if n >= factor:
            return f"{n / factor:.1f}".removesuffix(".0") + unit
    return str(n)
