"""PDF, by pypdf: one section a page, under the bookmark it stands at."""

import io
from collections.abc import Iterator, Mapping
from typing import Any

from localcollab.documents.parsing.raw import Raw
from localcollab.documents.parsing.section import Missing, Outline, Refused, Section, Unreadable

_MOST_PAGES = 20_000


def parse(raw: Raw) -> Iterator[Section]:
    reader = _open(raw)
    headings = _headings(raw, reader)
    n_pages, broken = _count(reader), 0
    for number in range(1, n_pages + 1):
        try:
            text = reader.pages[number - 1].extract_text()
        except MemoryError:
            raise
        except Exception:  # pypdf meets a stranger's mistakes in many ways; the other pages count
            broken += 1
            continue
        if text.strip():
            yield Section(text.rstrip() + "\n\n", number, headings.get(number, ""))
        else:
            raw.pictures.append((number, headings.get(number, "")))
    _note(raw, n_pages, broken)


def _open(raw: Raw) -> Any:
    try:
        from pypdf import PdfReader
        from pypdf.errors import DependencyError
    except ImportError as error:
        raise Missing("reading PDF needs pypdf: pip install 'localcollab[documents]'") from error
    try:
        reader = PdfReader(io.BytesIO(raw.data), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("is encrypted: save it without a password")
    except DependencyError as error:
        raise Unreadable("is encrypted: save it without a password") from error
    except (Unreadable, MemoryError):
        raise
    except Exception as error:
        raise Unreadable(f"a damaged PDF ({type(error).__name__})") from error
    return reader


def _count(reader: Any) -> int:
    try:
        n_pages = len(reader.pages)
    except MemoryError:
        raise
    except Exception as error:
        raise Unreadable(
            f"a damaged PDF, whose pages cannot be found ({type(error).__name__})"
        ) from error
    if n_pages > _MOST_PAGES:
        raise Refused(f"has more than {_MOST_PAGES} pages")
    return n_pages


def _note(raw: Raw, n_pages: int, broken: int) -> None:
    silent = 0 if raw.reads_pictures else len(raw.pictures)
    if broken:
        raw.notes.append(f"{broken} of {n_pages} pages are damaged")
    if not n_pages:
        raw.notes.append("has no pages")
    elif silent == n_pages:
        raw.notes.append("no text layer: its pages are pictures, which docs add --ocr reads")
    elif silent:
        raw.notes.append(
            f"{silent} of {n_pages} pages have no text layer: docs add --ocr reads them"
        )


def _headings(raw: Raw, reader: Any) -> Mapping[int, str]:
    """Page -> the bookmarks it stands under."""
    try:
        marks = sorted(_bookmarks(reader, reader.outline, 1), key=lambda mark: mark[0])
        n_pages = _count(reader)
    except (MemoryError, Unreadable, Refused):
        raise
    except Exception:
        raw.notes.append("its bookmarks are damaged")
        return {}
    headings, outline = {}, Outline()
    for page in range(1, n_pages + 1 if marks else 1):
        while marks and marks[0][0] <= page:
            _, level, title = marks.pop(0)
            outline.enter(level, title)
        headings[page] = str(outline)
    return headings


def _bookmarks(reader: Any, entries: Any, level: int) -> Iterator[tuple[int, int, str]]:
    """Page, level and title of each."""
    for entry in entries:
        if isinstance(entry, list):
            yield from _bookmarks(reader, entry, level + 1)
        else:
            page = reader.get_destination_page_number(entry)
            if page is not None and page >= 0:
                yield page + 1, level, str(entry.title)
