"""Pages of PDFs that are pictures, read by tesseract where it is installed and where that is asked for.

The parent's side of `ocr_child`. A page is drawn by pdftoppm (poppler) or gs (Ghostscript); no picture
and no text is written to disk.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from localcollab.children.ended import over_time
from localcollab.children.launch import Child, Deadline, run
from localcollab.children.limits import GIB, Limits
from localcollab.documents.parsing.reader import Parsed
from localcollab.documents.parsing.section import Section
from localcollab.errors import BadOption, LocalcollabError

LANGUAGES = re.compile(r"[A-Za-z0-9_/]{1,40}(?:\+[A-Za-z0-9_/]{1,40}){0,9}")
"""As tesseract takes them: eng, or eng+deu."""
_CHILD = "localcollab.documents.parsing.ocr_child"
_DRAWING = ("pdftoppm", "gs")
_INSTALL = "install tesseract-ocr and poppler-utils"


@dataclass(frozen=True, slots=True)
class PageLimits:
    """Of one page: generous for a page of a newspaper on a slow machine."""

    seconds: float = 120.0
    memory_bytes: int = 2 * GIB


@dataclass(frozen=True, slots=True)
class Programs:
    drawing: str
    """Path of pdftoppm or gs."""
    tesseract: str


def find_programs() -> Programs:
    """Raises `LocalcollabError` where one is not installed."""
    tesseract = shutil.which("tesseract")
    drawing = next(filter(None, map(shutil.which, _DRAWING)), None)
    missing = [
        name for name, path in (("tesseract", tesseract), ("pdftoppm or gs", drawing)) if not path
    ]
    if tesseract is None or drawing is None:
        raise LocalcollabError(f"OCR needs {' and '.join(missing)}, not found on PATH: {_INSTALL}")
    return Programs(os.path.abspath(drawing), os.path.abspath(tesseract))


def check_languages(languages: str) -> None:
    """Raises `BadOption` for what tesseract cannot read, `LocalcollabError` where it is missing."""
    if not LANGUAGES.fullmatch(languages):
        raise BadOption(f"`ocr` is {languages!r}: give languages of tesseract, such as eng+deu")
    programs = find_programs()
    ended = run(
        _CHILD, [json.dumps({"tesseract": programs.tesseract})], limits=_limits(PageLimits(), 1)
    )
    known = ended.out.split()
    if ended.code or not known:
        raise LocalcollabError(
            f"{programs.tesseract} {ended.words}: try it by hand, and install it again if that fails, too"
        )
    unknown = [each for each in languages.split("+") if each not in known]
    if unknown:
        raise BadOption(
            f"tesseract has no language {', '.join(unknown)} (it has {', '.join(known)}): install "
            f"tesseract-ocr-{unknown[0]}, or give `ocr` another"
        )


def read_pictures(
    path: Path, parsed: Parsed, languages: str, page_limits: PageLimits = PageLimits()
) -> Parsed:
    """`parsed` with the text of its pages that are pictures. What is not read is noted."""
    headings = dict(parsed.pictures)
    try:
        programs = find_programs()
    except LocalcollabError as error:
        note = f"{_pages(len(headings))} without a text layer not read: {error}"
        return _noted(replace(parsed, may_pass=True), [note])
    texts, failures = dict[int, str](), list[str]()
    for answer in _answers(path, list(headings), languages, programs, page_limits):
        if "text" in answer:
            texts[answer["page"]] = answer["text"].strip()
        else:
            failures.append(answer["error"])
    added = [Section(text + "\n\n", page, headings[page]) for page, text in texts.items() if text]
    sections = sorted([*parsed.sections, *added], key=lambda section: section.page or 0)
    status = "indexed" if sections else parsed.status
    n_blank = len(texts) - len(added)
    notes = [f"{_pages(len(added))} read by OCR (tesseract, {languages})"] if added else []
    notes += [f"OCR found no text on {_pages(n_blank)}"] if n_blank else []
    notes += [f"OCR failed on {_pages(len(failures))} ({failures[0]})"] if failures else []
    return _noted(replace(parsed, status=status, sections=tuple(sections)), notes)


def _answers(
    path: Path, pages: Sequence[int], languages: str, programs: Programs, limits: PageLimits
) -> Iterator[dict[str, Any]]:
    """One for every page, whatever becomes of the child."""
    request = {
        "path": os.fspath(path), "pages": pages, "languages": languages, "seconds": limits.seconds,
        "drawing": programs.drawing, "tesseract": programs.tesseract,
    }  # fmt: skip
    child = Child(_CHILD, [json.dumps(request)], limits=_limits(limits, len(pages)))
    deadline = Deadline(child, child.limits.seconds)
    assert child.process.stdout is not None
    left = list(pages)
    try:
        while left and (line := child.process.stdout.readline()).endswith(b"\n"):
            left.pop(0)
            yield json.loads(line)
    finally:
        deadline.stop()
        code = child.close()
    why = over_time(child.limits) if deadline.is_late else f"its process ended with status {code}"
    yield from ({"page": page, "error": why} for page in left)


def _limits(limits: PageLimits, n_pages: int) -> Limits:
    """CPU time is that of each program, of which one reads one page."""
    return Limits(
        limits.memory_bytes, 30 + limits.seconds * n_pages, cpu_seconds=4 * limits.seconds
    )


def _noted(parsed: Parsed, notes: Sequence[str]) -> Parsed:
    said = [parsed.error] if parsed.error and parsed.error != "holds no text" else []
    return replace(parsed, error="; ".join([*said, *notes]))


def _pages(n: int) -> str:
    return f"{n} page{'' if n == 1 else 's'}"
