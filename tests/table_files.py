"""One table -> a file of each format that has tables, and rows of text -> the values by column.

A table is rows of cells: a text, or None for an empty one. The first row is the header. Merged cells are
given as (row, column, rows, columns).
"""

import csv
import io
from collections.abc import Sequence
from email.message import EmailMessage
from html import escape

from document_files import docx, odt, pptx, xlsx, zipped

Table = Sequence[Sequence[str]]
Area = tuple[int, int, int, int]


def as_html(table: Table, merged: Sequence[Area] = ()) -> str:
    rows = []
    for n, row in enumerate(table):
        cells = ""
        for column, text in enumerate(row):
            span = _span(merged, n, column)
            if span is None:
                continue
            tag = "th" if n == 0 else "td"
            rows_, columns = span
            cells += f"<{tag} rowspan={rows_} colspan={columns}>{escape(text)}</{tag}>"
        rows.append(f"<tr>{cells}</tr>")
    return f"<p>Before.</p><table>{''.join(rows)}</table><p>After.</p>"


def as_docx(table: Table, merged: Sequence[Area] = ()) -> bytes:
    return docx(docx_table(table, merged))


def docx_table(table: Table, merged: Sequence[Area] = ()) -> str:
    rows = []
    for n, row in enumerate(table):
        cells = ""
        for column, text in enumerate(row):
            area = _area(merged, n, column)
            if area is not None and column != area[1]:
                continue
            properties = ""
            if area is not None:
                properties = f'<w:gridSpan w:val="{area[3]}"/>'
                if area[2] > 1:
                    first = ' w:val="restart"' if n == area[0] else ""
                    properties += f"<w:vMerge{first}/>"
            shown = "" if area is not None and n != area[0] else text
            run = f"<w:r><w:t>{escape(shown)}</w:t></w:r>" if shown else ""
            cells += f"<w:tc><w:tcPr>{properties}</w:tcPr><w:p>{run}</w:p></w:tc>"
        rows.append(f"<w:tr>{cells}</w:tr>")
    return f"<w:tbl>{''.join(rows)}</w:tbl><w:p/>"


def as_odt(table: Table, merged: Sequence[Area] = ()) -> bytes:
    rows = []
    for n, row in enumerate(table):
        cells = ""
        for column, text in enumerate(row):
            span = _span(merged, n, column)
            if span is None:
                cells += "<table:covered-table-cell/>"
                continue
            spans = (
                f' table:number-rows-spanned="{span[0]}" table:number-columns-spanned="{span[1]}"'
                if span != (1, 1)
                else ""
            )
            paragraph = f"<text:p>{escape(text)}</text:p>" if text else ""
            cells += f"<table:table-cell{spans}>{paragraph}</table:table-cell>"
        rows.append(f"<table:table-row>{cells}</table:table-row>")
    return odt(f"<table:table>{''.join(rows)}</table:table>")


def as_pptx(table: Table, merged: Sequence[Area] = ()) -> bytes:
    rows = []
    for n, row in enumerate(table):
        cells = ""
        for column, text in enumerate(row):
            area, attributes = _area(merged, n, column), ""
            if area is not None:
                attributes += f' gridSpan="{area[3]}"' if column == area[1] and area[3] > 1 else ""
                attributes += f' rowSpan="{area[2]}"' if n == area[0] and area[2] > 1 else ""
                attributes += ' hMerge="1"' if column > area[1] else ""
                attributes += ' vMerge="1"' if n > area[0] else ""
            is_covered = _span(merged, n, column) is None
            shown = "" if is_covered else f"<a:r><a:t>{escape(text)}</a:t></a:r>"
            cells += f"<a:tc{attributes}><a:txBody><a:bodyPr/><a:p>{shown}</a:p></a:txBody></a:tc>"
        rows.append(f'<a:tr h="300000">{cells}</a:tr>')
    columns = '<a:gridCol w="900000"/>' * len(table[0])
    kind = "http://schemas.openxmlformats.org/drawingml/2006/table"
    frame = (
        "<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id='4' name='t'/><p:cNvGraphicFramePr/><p:nvPr/>"
        "</p:nvGraphicFramePr><p:xfrm><a:off x='0' y='900000'/><a:ext cx='5000000' cy='2000000'/>"
        f"</p:xfrm><a:graphic><a:graphicData uri='{kind}'><a:tbl><a:tblPr/><a:tblGrid>{columns}"
        f"</a:tblGrid>{''.join(rows)}</a:tbl></a:graphicData></a:graphic></p:graphicFrame>"
    )
    return pptx([("Title", frame, "")])


def as_rtf(table: Table, merged: Sequence[Area] = ()) -> bytes:
    rows = []
    for n, row in enumerate(table):
        edges, cells = "", ""
        for column, text in enumerate(row):
            area = _area(merged, n, column)
            if area is not None and column != area[1]:
                continue
            width = 1 if area is None else area[3]
            if area is not None and area[2] > 1:
                edges += "\\clvmgf" if n == area[0] else "\\clvmrg"
            edges += f"\\cellx{(column + width) * 1000}"
            shown = "" if area is not None and n != area[0] else text
            cells += f"{rtf_text(shown)}\\cell "
        rows.append(f"\\trowd{edges}\\pard\\intbl {cells}\\row\n")
    return f"{{\\rtf1\\ansi\\ansicpg1252 {''.join(rows)}\\pard After.\\par}}".encode("ascii")


def rtf_text(text: str) -> str:
    units = text.encode("utf-16-le")
    out = []
    for at in range(0, len(units), 2):
        code = int.from_bytes(units[at : at + 2], "little")
        plain = chr(code) if code < 128 else f"\\u{code - 65536 if code > 32767 else code}?"
        out.append(f"\\{plain}" if plain in "\\{}" else plain)
    return "".join(out)


def as_xlsx(table: Table, merged: Sequence[Area] = ()) -> bytes:
    shown = [
        [text if _span(merged, n, c) is not None else "" for c, text in enumerate(row)]
        for n, row in enumerate(table)
    ]
    return xlsx({"Data": shown}, merged)


def as_csv(table: Table, delimiter: str = ",") -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(table)
    return out.getvalue().encode()


def as_ods(table: Table, merged: Sequence[Area] = ()) -> bytes:
    import zipfile

    with zipfile.ZipFile(io.BytesIO(as_odt(table, merged))) as archive:
        content = archive.read("content.xml")
    content = content.replace(b"office:text>", b"office:spreadsheet>")
    content = content.replace(b"<table:table>", b'<table:table table:name="Data">')
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    return zipped({"mimetype": kind, "content.xml": content})


def as_mail(table: Table, merged: Sequence[Area] = ()) -> bytes:
    message = EmailMessage()
    message["Subject"] = "Table"
    message.set_content(as_html(table, merged), subtype="html")
    return message.as_bytes()


def cells_of(line: str) -> list[str]:
    """Of a row `a | b | c`."""
    cells = line.replace("\\|", "\0").split(" | ") if " | " in line else [line]
    return [cell.strip().replace("\0", "|") for cell in cells]


def _area(merged: Sequence[Area], row: int, column: int) -> Area | None:
    for area in merged:
        if 0 <= row - area[0] < area[2] and 0 <= column - area[1] < area[3]:
            return area
    return None


def _span(merged: Sequence[Area], row: int, column: int) -> tuple[int, int] | None:
    """None where another cell covers this one."""
    area = _area(merged, row, column)
    if area is None:
        return 1, 1
    return area[2:] if (row, column) == area[:2] else None
