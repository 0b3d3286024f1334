"""Twice the input takes at most 2.5 times the time, in every format and whatever there is more of."""

import contextlib
import gc
import time
from collections.abc import Callable

import pytest

import table_files as files
from document_files import docx, docx_with, epub, odt, pptx, xlsx
from documents_read import read
from localcollab.documents.parsing.section import Refused, Unreadable

_TR, _TC = "<w:tr>{}</w:tr>", "<w:tc><w:p><w:r><w:t>v</w:t></w:r></w:p></w:tc>"
_CELL = "<table:table-cell><text:p>v</text:p></table:table-cell>"
_NOTEBOOK = '{{"cells": [{}]}}'


def _html(n: int, unit: str, before: str = "") -> bytes:
    return (before + unit * n).encode()


def _mail(n: int, unit: str, head: str = "") -> bytes:
    return f"From: a@b.org\n{head}\n".encode() + (unit * n).encode()


def _numbered(n: int, n_lists: int) -> bytes:
    """Paragraphs, spread over so many lists of one kind."""
    lists = "".join(
        f'<w:num w:numId="{k}"><w:abstractNumId w:val="0"/></w:num>' for k in range(1, n_lists + 1)
    )
    level = (
        '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/>'
        '<w:lvlText w:val="%1)"/></w:lvl>'
    )
    numbering = f'<w:abstractNum w:abstractNumId="0">{level}</w:abstractNum>{lists}'
    body = "".join(
        f'<w:p><w:pPr><w:numPr><w:numId w:val="{1 + k % n_lists}"/></w:numPr></w:pPr>'
        "<w:r><w:t>v</w:t></w:r></w:p>"
        for k in range(n)
    )
    return docx_with({"numbering": numbering}, body)


pytestmark = pytest.mark.slow
GROWING: dict[str, tuple[str, Callable[[int], bytes], int]] = {
    "html cells": (".html", lambda n: _html(n, "<td>v", "<table><tr>"), 4_000),
    "html rows": (".html", lambda n: _html(n, "<tr><td>v<td>w", "<table>"), 3_000),
    "html spans": (".html", lambda n: _html(n, "<tr><td rowspan=3>v<td>w", "<table>"), 3_000),
    "html attributes": (".html", lambda n: _html(n, ' a="b"', "<p "), 30_000),
    "html nesting": (".html", lambda n: _html(n, "<div>x"), 10_000),
    "html nested tables": (".html", lambda n: _html(n, "<table><tr><td>x"), 4_000),
    "html open comments": (".html", lambda n: _html(n, "<!-- "), 30_000),
    "html open quotes": (".html", lambda n: _html(n, "<a x='y "), 20_000),
    "html open titles": (".html", lambda n: _html(n, "<title>x"), 10_000),
    "html open elements": (".html", lambda n: _html(n, "<noscript>x"), 15_000),
    "html lists": (".html", lambda n: _html(n, "<ol><li>x"), 8_000),
    "html signs": (".html", lambda n: _html(n, "<"), 40_000),
    "docx cells": (".docx", lambda n: docx("<w:tbl>" + _TR.format(_TC * n) + "</w:tbl>"), 3_000),
    "docx rows": (".docx", lambda n: docx("<w:tbl>" + _TR.format(_TC) * n + "</w:tbl>"), 3_000),
    "docx paragraphs": (".docx", lambda n: docx("<w:p><w:r><w:t>v</w:t></w:r></w:p>" * n), 4_000),
    "docx sections": (".docx", lambda n: docx("<w:p><w:pPr><w:sectPr/></w:pPr></w:p>" * n), 4_000),
    "docx numbers": (".docx", lambda n: _numbered(n, 1), 3_000),
    "docx lists": (".docx", lambda n: _numbered(n, n), 1_500),
    "odt cells": (".odt", lambda n: odt(
        f"<table:table><table:table-row>{_CELL * n}</table:table-row></table:table>"), 4_000),
    "odt rows": (".odt", lambda n: odt("<table:table>" + (
        f"<table:table-row>{_CELL}</table:table-row>" * n) + "</table:table>"), 4_000),
    "pptx cells": (".pptx", lambda n: files.as_pptx([["v"] * n]), 3_000),
    "pptx slides": (".pptx", lambda n: pptx([("Title", "", "Note")] * n), 150),
    "xlsx cells": (".xlsx", lambda n: files.as_xlsx([["a", "b"], *[["v", "1"]] * n]), 3_000),
    "xlsx sheets": (".xlsx", lambda n: xlsx({f"s{k}": [["a"]] for k in range(n)}), 150),
    "ods rows": (".ods", lambda n: files.as_ods([["a", "b"], *[["v", "1"]] * n]), 2_500),
    "rtf cells": (".rtf", lambda n: files.as_rtf([["v"] * n]), 3_000),
    "rtf groups": (".rtf", lambda n: b"{\\rtf1 " + b"{\\b x}" * n + b"}", 15_000),
    "rtf headers": (".rtf", lambda n: b"{\\rtf1 " + b"{\\header x\\par}" * n + b"}", 8000),
    "csv rows": (".csv", lambda n: b"a,b\n" + b"1,2\n" * n, 15_000),
    "csv cells": (".csv", lambda n: b"a," * n, 150_000),
    "csv quoted cells": (".csv", lambda n: b'"a ""b""",' * n, 20_000),
    "csv stray quotes": (".csv", lambda n: b'a,"b,c\n' * n, 15_000),
    "csv quotes": (".csv", lambda n: b'"' * n, 200_000),
    "csv open quote": (".csv", lambda n: b'a,b\n"' + b"c,d\n" * n, 30_000),
    "mail lines": (".eml", lambda n: _mail(n, "A line of text.\n"), 7_500),
    "mail headers": (".eml", lambda n: _mail(1, "x", "X-Received: by someone\n" * n), 3_000),
    "mail addresses": (".eml", lambda n: _mail(1, "x", "To: " + "a@b.org, " * n + "\n"), 15_000),
    "mail parts": (".eml", lambda n: _mail(
        n, "--B\nContent-Type: text/plain\n\nx\n",
        'Content-Type: multipart/mixed; boundary="B"\n'), 150),
    "mailbox messages": (".mbox", lambda n: b"From a Mon\nSubject: x\n\ny\n\n" * n, 600),
    "notebook cells": (".ipynb", lambda n: _NOTEBOOK.format(", ".join(
        ['{"cell_type": "markdown", "source": ["# a"]}'] * n)).encode(), 4_000),
    "epub chapters": (".epub", lambda n: epub("Book", ["<p>x</p>"] * n), 150),
    "markdown headings": (".md", lambda n: b"# a\n\nb\n" * n, 8000),
    "rst titles": (".rst", lambda n: b"a\n=\n\nb\n" * n, 8000),
    "code definitions": (".py", lambda n: b"def a():\n    pass\n" * n, 8000),
    "legacy text": (".txt", lambda n: "Grüße an alle. ".encode("cp1252") * n, 60_000),
}  # fmt: skip


@pytest.mark.parametrize("case", GROWING)
def test_twice_the_input_takes_at_most_two_and_a_half_times_the_time(case: str) -> None:
    suffix, make, n = GROWING[case]
    small, large = make(n), make(2 * n)
    # The least of several: other programs only ever add.
    ratios = []
    for _ in range(5):
        ratios.append(_seconds(large, suffix) / max(_seconds(small, suffix), 0.004))
        if min(ratios) <= 2.5:
            return
    pytest.fail(f"{case}: {ratios}")


def _seconds(data: bytes, suffix: str) -> float:
    gc.collect()
    gc.disable()
    try:
        start = time.process_time()
        with contextlib.suppress(Refused, Unreadable):
            read(data, suffix)
        return time.process_time() - start
    finally:
        gc.enable()
