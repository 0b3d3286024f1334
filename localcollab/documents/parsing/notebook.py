"""Jupyter notebooks: cells in order, Markdown under its headings, code with the text it printed."""

import json
from collections.abc import Iterator
from typing import Any

from localcollab.documents.parsing import markdown
from localcollab.documents.parsing.headed import Heading, cut
from localcollab.documents.parsing.raw import Raw, decode
from localcollab.documents.parsing.section import Section, Unreadable


def parse(raw: Raw) -> Iterator[Section]:
    try:
        notebook = json.loads(decode(raw))
    except ValueError as error:
        raise Unreadable("not a notebook (damaged JSON)") from error
    cells = _cells(notebook)
    if cells is None:
        raise Unreadable("not a notebook (it has no cells)")
    parts: list[str] = []
    headings: list[Heading] = []
    length = n_pictures = 0
    for cell in cells:
        kind, text = cell.get("cell_type"), _joined(cell.get("source", cell.get("input")))
        outputs = [each for each in _listed(cell.get("outputs")) if isinstance(each, dict)]
        if kind == "markdown":
            found = markdown.headings(text)
            headings += [h._replace(start=h.start + length, body=h.body + length) for h in found]
        shown = [_output(each) for each in outputs]
        n_pictures += sum(not each.strip() for each in shown)
        part = "\n\n".join(each.strip("\n") for each in (text, *shown) if each.strip())
        parts.append(f"{part}\n\n" if part else "")
        length += len(parts[-1])
    yield from cut("".join(parts), headings)
    if n_pictures:
        raw.note(f"{n_pictures} outputs without text (pictures) were not read")


def _cells(notebook: Any) -> list[dict[str, Any]] | None:
    """Of version 4, or of all worksheets of version 3."""
    if not isinstance(notebook, dict):
        return None
    sheets = _listed(notebook.get("worksheets")) or [notebook]
    found = [sheet["cells"] for sheet in sheets if isinstance(sheet, dict) and "cells" in sheet]
    return (
        [cell for cells in found for cell in _listed(cells) if isinstance(cell, dict)]
        if found
        else None
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _joined(value: Any) -> str:
    if isinstance(value, list):
        return "".join(each for each in value if isinstance(each, str))
    return value if isinstance(value, str) else ""


def _output(output: dict[str, Any]) -> str:
    """What a run printed or returned, as text; an error by its name and message."""
    if output.get("output_type") in ("error", "pyerr"):
        return f"{_joined(output.get('ename'))}: {_joined(output.get('evalue'))}"
    if "text" in output:
        return _joined(output["text"])
    data = output.get("data")
    return _joined(data.get("text/plain")) if isinstance(data, dict) else ""
