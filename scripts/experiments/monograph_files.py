"""Short texts as files of five formats, by writers as small as the formats allow; bytes are the same
every time."""

import html
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from textwrap import wrap
from xml.sax.saxutils import escape

FORMATS = ("txt", "md", "html", "pdf", "docx")
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument'
    '.wordprocessingml.document.main+xml"/></Types>'
)
_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship '
    'Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>'
)


def write_document(folder: Path, title: str, body: str, suffix: str) -> Path:
    """`title`.`suffix` in `folder`; `suffix` is one of FORMATS."""
    path = folder / f"{title}.{suffix}"
    writers: dict[str, Callable[[str, str], str | bytes]] = {
        "txt": _text,
        "md": _markdown,
        "html": _html,
        "pdf": pdf,
        "docx": docx,
    }
    data = writers[suffix](title, body)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def _text(title: str, body: str) -> str:
    return f"{title}\n\n{body}\n"


def _markdown(title: str, body: str) -> str:
    return f"# {title}\n\n{body}\n"


def _html(title: str, body: str) -> str:
    paragraphs = "".join(f"<p>{html.escape(line)}</p>\n" for line in body.splitlines())
    name = html.escape(title)
    return f"<!doctype html><title>{name}</title>\n<h1>{name}</h1>\n{paragraphs}"


def pdf(title: str, body: str) -> bytes:
    """One page of Helvetica, wrapped as a printed page is; ASCII only."""
    lines = [title, "", *(row for line in body.splitlines() for row in wrap(line, 72))]
    shown = (line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)") for line in lines)
    content = (
        "BT /F1 11 Tf 60 780 Td 14 TL " + " ".join(f"({line}) Tj T*" for line in shown) + " ET"
    )
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        "/Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, offsets = "%PDF-1.4\n", []
    for n, each in enumerate(objects, start=1):
        offsets.append(len(out))
        out += f"{n} 0 obj\n{each}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    trailer = f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return f"{out}xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}".encode("ascii")


def docx(title: str, body: str) -> bytes:
    """A heading and a paragraph a line."""
    heading = f'<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr>{_run(title)}</w:p>'
    paragraphs = "".join(f"<w:p>{_run(line)}</w:p>" for line in body.splitlines())
    document = f'<w:document xmlns:w="{_WORD}"><w:body>{heading}{paragraphs}</w:body></w:document>'
    parts = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _RELATIONS,
        "word/document.xml": document,
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in parts.items():
            # A fixed time: equal texts are equal bytes.
            archive.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), text)
    return out.getvalue()


def _run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r>'
