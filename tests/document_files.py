"""Small real files of every format, written here by hand so that no test depends on a fixture."""

import io
import zipfile
from collections.abc import Mapping, Sequence


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
