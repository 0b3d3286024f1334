"""Small real files of every format, written here by hand so that no test depends on a fixture."""

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from html import escape


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return out.getvalue()


_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def docx(body: str, styles: str = "") -> bytes:
    parts = {"word/document.xml": f"<w:document {_W}><w:body>{body}</w:body></w:document>"}
    if styles:
        parts["word/styles.xml"] = f"<w:styles {_W}>{styles}</w:styles>"
    return zipped(parts)


_O = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
)


def odt(body: str) -> bytes:
    content = (
        f"<office:document-content {_O}><office:body><office:text>{body}</office:text>"
        "</office:body></office:document-content>"
    )
    return zipped({"content.xml": content})


def docx_with(parts: Mapping[str, str], body: str) -> bytes:
    """`parts`: names within word/ -> what stands in their root element, which is the name's."""
    roots = {"header": "hdr", "footer": "ftr"}
    files = {"word/document.xml": f"<w:document {_W} {_MORE}><w:body>{body}</w:body></w:document>"}
    for name, content in parts.items():
        kind = name.rstrip("0123456789")
        root = roots.get(kind, kind)
        files[f"word/{name}.xml"] = f"<w:{root} {_W} {_MORE}>{content}</w:{root}>"
    kinds = {name: name.rstrip("0123456789") for name in parts}
    files["word/_rels/document.xml.rels"] = _relations(
        {f"rId{n}": (kinds[name], f"{name}.xml") for n, name in enumerate(parts)}
    )
    return _packed("word/document.xml", files)


_MORE = (
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    ' xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"'
    ' xmlns:v="urn:schemas-microsoft-com:vml"'
    ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)
_A = (
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    ' xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
    ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)
_X = (
    'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)
_KIND = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_CONTENT = "application/vnd.openxmlformats-officedocument"


def _packed(main: str, parts: Mapping[str, str]) -> bytes:
    """With what says which part is which, as other programs than ours need it."""
    kinds = {
        "xl/workbook": "spreadsheetml.sheet.main", "xl/worksheets/": "spreadsheetml.worksheet",
        "xl/sharedStrings": "spreadsheetml.sharedStrings", "xl/styles": "spreadsheetml.styles",
        "ppt/presentation": "presentationml.presentation.main",
        "ppt/slides/": "presentationml.slide", "ppt/notesSlides/": "presentationml.notesSlide",
        "word/document": "wordprocessingml.document.main", "word/styles": "wordprocessingml.styles",
        "word/numbering": "wordprocessingml.numbering",
    }  # fmt: skip
    overrides = "".join(
        f'<Override PartName="/{name}" ContentType="{_CONTENT}.{kind}+xml"/>'
        for name in parts
        for start, kind in kinds.items()
        if name.startswith(start) and not name.endswith(".rels")
    )
    types = (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{overrides}</Types>'
    )
    root = _relations({"rId1": ("officeDocument", main)})
    return zipped({"[Content_Types].xml": types, "_rels/.rels": root, **parts})


def _relations(related: Mapping[str, tuple[str, str]]) -> str:
    inside = "".join(
        f'<Relationship Id="{id_}" Type="{_KIND}/{kind}" Target="{target}"/>'
        for id_, (kind, target) in related.items()
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{inside}</Relationships>'


def pptx(slides: Sequence[tuple[str, str, str]]) -> bytes:
    """Each slide by its title, the XML of its other shapes, and its notes."""
    ids = "".join(f'<p:sldId id="{256 + n}" r:id="rId{n}"/>' for n in range(len(slides)))
    presentation = f"<p:presentation {_A}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>"
    targets = {f"rId{n}": ("slide", f"slides/slide{n}.xml") for n in range(len(slides))}
    parts = {
        "ppt/presentation.xml": presentation,
        "ppt/_rels/presentation.xml.rels": _relations(targets),
    }
    for n, (title, shapes, notes) in enumerate(slides):
        title_shape = _shape(title, '<p:ph type="title"/>')
        parts[f"ppt/slides/slide{n}.xml"] = (
            f"<p:sld {_A}><p:cSld><p:spTree><p:nvGrpSpPr><p:cNvPr id='1' name=''/>"
            f"<p:cNvGrpSpPr/><p:nvPr/>"
            f"</p:nvGrpSpPr><p:grpSpPr/>{title_shape}{shapes}</p:spTree></p:cSld></p:sld>"
        )
        if notes:
            parts[f"ppt/slides/_rels/slide{n}.xml.rels"] = _relations(
                {"rId1": ("notesSlide", f"../notesSlides/notesSlide{n}.xml")}
            )
            shape = _shape(notes, '<p:ph type="body"/>')
            parts[f"ppt/notesSlides/notesSlide{n}.xml"] = f"<p:notes {_A}>{shape}</p:notes>"
    return _packed("ppt/presentation.xml", parts)


def _shape(text: str, placeholder: str = "") -> str:
    paragraph = f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>"
    return f"<p:sp><p:nvPr>{placeholder}</p:nvPr><p:txBody>{paragraph}</p:txBody></p:sp>"


def xlsx(
    sheets: Mapping[str, Sequence[Sequence[str]]],
    merged: Sequence[tuple[int, int, int, int]] = (),
    cells: str = "",
    styles: str = "",
) -> bytes:
    """Texts as shared strings, numbers as numbers. `cells`: the XML of the first sheet's last row."""
    strings: dict[str, int] = {}
    names = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(sheets, 1)
    )
    related = {f"rId{n}": ("worksheet", f"worksheets/sheet{n}.xml")
               for n in range(1, len(sheets) + 1)}  # fmt: skip
    related["rIdS"] = ("sharedStrings", "sharedStrings.xml")
    related["rIdT"] = ("styles", "styles.xml")
    parts = {
        "xl/workbook.xml": f"<workbook {_X}><sheets>{names}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": _relations(related),
        "xl/styles.xml": f"<styleSheet {_X}>{styles}</styleSheet>",
    }
    areas = "".join(
        f'<mergeCell ref="{_at(r, c)}:{_at(r + h - 1, c + w - 1)}"/>' for r, c, h, w in merged
    )
    merges = f"<mergeCells>{areas}</mergeCells>" if areas else ""
    for n, rows in enumerate(sheets.values(), 1):
        data = "".join(
            f'<row r="{r + 1}">{"".join(_cell(strings, r, c, v) for c, v in enumerate(row) if v)}</row>'
            for r, row in enumerate(rows)
        )
        data += f"<row>{cells}</row>" if n == 1 and cells else ""
        parts[f"xl/worksheets/sheet{n}.xml"] = (
            f"<worksheet {_X}><sheetData>{data}</sheetData>{merges}</worksheet>"
        )
    items = "".join(f"<si><t>{escape(text)}</t></si>" for text in strings)
    parts["xl/sharedStrings.xml"] = f"<sst {_X}>{items}</sst>"
    return _packed("xl/workbook.xml", parts)


def _cell(strings: dict[str, int], row: int, column: int, value: str) -> str:
    at = f'r="{_at(row, column)}"'
    if value.isascii() and value.isdigit() and (value == "0" or value[0] != "0"):
        return f"<c {at}><v>{value}</v></c>"
    return f'<c {at} t="s"><v>{strings.setdefault(value, len(strings))}</v></c>'


def _at(row: int, column: int) -> str:
    letters = chr(65 + column % 26)
    return f"{chr(64 + column // 26) if column > 25 else ''}{letters}{row + 1}"


def epub(title: str, chapters: Sequence[str]) -> bytes:
    names = [f"c{n}.xhtml" for n in range(len(chapters))]
    items = "".join(f'<item id="i{n}" href="text/{name}"/>' for n, name in enumerate(names))
    spine = "".join(f'<itemref idref="i{n}"/>' for n in range(len(names)))
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<metadata><dc:title>{title}</dc:title></metadata>"
        f"<manifest>{items}</manifest><spine>{spine}</spine></package>"
    )
    container = '<container><rootfiles><rootfile full-path="book/a.opf"/></rootfiles></container>'
    texts = {f"book/text/{name}": text for name, text in zip(names, chapters, strict=True)}
    return zipped({"META-INF/container.xml": container, "book/a.opf": package, **texts})


def pdf(pages: Sequence[str], bookmarks: Mapping[str, int] | None = None) -> bytes:
    """Each page one line of text a line; an empty one has no text at all."""
    objects: list[bytes] = []
    n_pages, marks = len(pages), list((bookmarks or {}).items())
    first_page, first_mark = 4, 4 + 2 * n_pages
    kids = " ".join(f"{first_page + 2 * n} 0 R" for n in range(n_pages))
    outlines = f"/Outlines {first_mark} 0 R" if marks else ""
    objects.append(f"<< /Type /Catalog /Pages 2 0 R {outlines} >>".encode())
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {n_pages} >>".encode())
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for n, text in enumerate(pages):
        lines = " ".join(f"({line}) Tj 0 -14 Td" for line in text.splitlines())
        stream = f"BT /F1 12 Tf 72 720 Td {lines} ET".encode() if text else b""
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {first_page + 2 * n + 1}"
            " 0 R /Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    if marks:
        last = first_mark + len(marks)
        objects.append(
            f"<< /First {first_mark + 1} 0 R /Last {last} 0 R /Count {len(marks)} >>".encode()
        )
        for n, (title, page) in enumerate(marks, 1):
            after = f"/Next {first_mark + n + 1} 0 R" if n < len(marks) else ""
            objects.append(
                f"<< /Title ({title}) /Parent {first_mark} 0 R {after}"
                f" /Dest [{first_page + 2 * (page - 1)} 0 R /Fit] >>".encode()
            )
    return _with_references(objects)


def scanned_pdf(pages: Sequence[tuple[int, int, bytes]]) -> bytes:
    """Each page a picture by its width, height and grey pixels."""
    kids = " ".join(f"{3 + 3 * n} 0 R" for n in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
    ]
    draw = b"q 612 0 0 792 0 0 cm /Im Do Q"
    for n, (width, height, pixels) in enumerate(pages):
        data = zlib.compress(pixels)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {4 + 3 * n} 0 R"
            f" /Resources << /XObject << /Im {5 + 3 * n} 0 R >> >> >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(draw), draw))
        objects.append(
            b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray"
            b" /BitsPerComponent 8 /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream"
            % (width, height, len(data), data)
        )
    return _with_references(objects)


def _with_references(objects: Sequence[bytes]) -> bytes:
    out, offsets = io.BytesIO(), []
    out.write(b"%PDF-1.4\n")
    for number, data in enumerate(objects, 1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, data))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.writelines(b"%010d 00000 n \n" % offset for offset in offsets)
    out.write(b"trailer << /Size %d /Root 1 0 R >>\n" % (len(objects) + 1))
    out.write(b"startxref\n%d\n%%%%EOF\n" % start)
    return out.getvalue()
