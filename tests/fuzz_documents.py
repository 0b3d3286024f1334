"""Sound documents of every format, and the mutants of them."""

import json
from collections.abc import Callable
from email.message import EmailMessage
from functools import cache
from pathlib import Path

import fuzz_containers as containers
import fuzz_mutations as mutate
from fuzz_kinds import Mutant, Sources
from fuzz_mutations import Rng, pick


def documents(rng: Rng, sources: Sources) -> Mutant:
    """A format first, then one of its documents."""
    by_suffix = _documents(sources.corpus)
    suffix = pick(rng, list(by_suffix))
    data = pick(rng, by_suffix[suffix])
    return Mutant(_damaged(rng, suffix, data), suffix)


_WORDS: dict[str, tuple[bytes, ...]] = {
    ".html": (b"<table>", b"<tr>", b"<td colspan=9999 rowspan=9999>", b"<td>", b"</table>", b"<p>",
              b"<div>",
              b"<!--", b"-->", b"<script>", b"</script>", b"<pre>", b"<li>", b"<h1>", b"&#x110000;",
              b"&amp",
              b"<", b"</", b"<a href='", b"<![CDATA[", b"<!doctype", b"<plaintext>", b"<template>",
              b"<svg>",
              b"<meta charset=utf-16>", b"\0", b"<title>", b"<th>", b"<caption>", b"<select>"),
    ".rtf": (b"{", b"}", b"\\'", b"\\u-1?", b"\\u55357?", b"\\uc9 ", b"\\bin9999999 ", b"\\bin-5 ",
             b"\\trowd",
             b"\\cellx99999999", b"\\cell", b"\\row", b"\\nestrow", b"\\nestcell", b"\\itap999 ",
             b"\\clvmrg",
             b"{\\*\\x ", b"{\\fonttbl", b"\\f99 ", b"\\fcharset255 ", b"\\ansicpg99999 ", b"\\upr",
             b"\\par",
             b"{\\footnote ", b"{\\header ", b"{\\field{\\*\\fldinst x}", b"\\", b"\\clmgf", b"\\intbl",
             b"\\~"),
    ".csv": (b'"', b'""', b",", b";", b"\t", b"|", b"\r", b"\n", b"sep=;\n", b"\0", b"'", b"\xff\xfe",
             b"\xef\xbb\xbf"),
    ".eml": (b"Content-Type: multipart/mixed; boundary=b\n\n--b\n", b"Content-Type: message/rfc822\n\n",
             b"Content-Transfer-Encoding: base64\n", b"Content-Transfer-Encoding: x-uuencode\n",
             b"\n\n", b"\n--",
             b"Content-Type: text/html; charset=utf-7\n", b"charset=idna", b"charset*=x''%zz",
             b"=?utf-8?q?=zz?=",
             b"=?x?b?!?=", b"Subject:", b"From:", b"filename*0*=a", b"name=x.docx", b"Content-Type: ;;\n",
             b"Content-Type: application/zip\n", b"boundary=\"\"", b"Date: 99\n", b"begin 644 x\n",
             b"<@>", b":"),
    ".pdf": (b"<<", b">>", b"[", b"]", b"1 0 R", b"4 0 R", b"5 0 R", b"(", b")", b"/Kids", b"/Parent",
             b"/Contents",
             b"/Filter /FlateDecode", b"/Filter /LZWDecode", b"/Filter /ASCII85Decode",
             b"/Filter /ASCIIHexDecode",
             b"/Filter [/RunLengthDecode /FlateDecode]", b"stream\n", b"endstream", b"endobj", b"null",
             b"Tj", b"TJ",
             b"/DecodeParms << /Predictor 15 /Columns 99999999 >>", b"/ToUnicode 5 0 R",
             b"/Encoding /Identity-H",
             b"q", b"cm", b"Do", b"/Type0", b"/Outlines", b"/First", b"/Next", b"BI", b"ID", b"EI",
             b"%", b"<", b">"),
    ".ipynb": (b"{", b"}", b"[", b"null"),
    ".md": (b"#", b"```", b"~~~", b"---\n", b"|", b"\n", b"\t", b">", b"\0", b"\xff"),
    ".rst": (b"====\n", b"::\n", b"..", b"\n", b"|", b"+---+"),
}  # fmt: skip
_ZIPPED = (".docx", ".odt", ".ods", ".odp", ".xlsx", ".pptx", ".epub")


def _damaged(rng: Rng, suffix: str, data: bytes) -> bytes:
    if rng.random() < 0.06:
        return mutate.flip(rng, data)
    if suffix in _ZIPPED:
        return containers.archive(rng, data)
    if suffix == ".ipynb" and rng.random() < 0.8:
        return mutate.json_text(rng, json.loads(data))
    if suffix == ".msg":
        return _damaged_message(rng, data)
    if suffix == ".html" and rng.random() < 0.4:
        return mutate.xml(rng, data)
    if suffix == ".pdf" and rng.random() < 0.2:
        return mutate.flip(rng, data)
    return mutate.tokens(
        rng, data, _WORDS.get({".mbox": ".eml", ".svg": ".html"}.get(suffix, suffix), ())
    )


def _damaged_message(rng: Rng, data: bytes) -> bytes:
    """Its tables (32-bit fields of header, FAT and directory), or what stands in its streams."""
    if rng.random() < 0.5:
        return _message(rng)
    found = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        at = 4 * int(rng.integers(8, len(found) // 4))
        odd = (0, 1, 2, 5, 2**31, 2**32 - 1, 2**32 - 2, 2**32 - 3, 4096, 64, at // 512)
        found[at : at + 4] = int(pick(rng, odd)).to_bytes(4, "little")
    return bytes(found)


def _message(rng: Rng) -> bytes:
    from ole_files import message, ole

    texts: dict[int, str | bytes] = {
        0x37: "Subject", 0x0C1A: "Anna", 0x1000: "Plain text.", 0x0E04: "Bruno", 0x0C1F: "a@example.org",
    }  # fmt: skip
    html = pick(rng, _documents(None)[".html"])
    texts[0x1013] = _damaged(rng, ".html", html)
    rtf = pick(rng, _documents(None)[".rtf"])
    head = len(rtf) + 12, len(rtf) + int(pick(rng, (0, 1, 2**30)))
    magic = b"MELA" if rng.random() < 0.5 else b"LZFu"
    packed = b"".join(n.to_bytes(4, "little") for n in head) + magic + rng.bytes(4)
    texts[0x1009] = packed + (rtf if magic == b"MELA" else rng.bytes(int(rng.integers(1, 400))))
    for number in list(texts):
        if rng.random() < 0.3:
            texts[number] = pick(rng, ("", "\0", "x" * 5000, b"\xff\xfe", b"", rng.bytes(40)))
        if rng.random() < 0.2:
            del texts[number]
    suffix = pick(rng, [each for each in _documents(None) if each != ".msg"])
    attached = {"a" + suffix: _damaged(rng, suffix, pick(rng, _documents(None)[suffix]))}
    return ole(message(texts, attached))


@cache
def _documents(corpus: Path | None) -> dict[str, list[bytes]]:
    from document_corpus import mail, written_by_hand

    found: dict[str, list[bytes]] = {}
    for made in (*written_by_hand(), *mail()):
        found.setdefault(Path(made.name).suffix, []).append(made.data)
    for path in sorted(corpus.iterdir()) if corpus else []:
        found.setdefault(path.suffix, []).append(path.read_bytes())
    for suffix, make in _MORE.items():
        found.setdefault(suffix, []).append(make())
    return found


def _odf(kind: str) -> bytes:
    from document_files import zipped
    from table_files import as_odt

    body = as_odt([["Item", "Owner"], ["Paint", "Okafor"], ["Brush", ""]], [(1, 0, 1, 2)])
    if kind == "text":
        return body
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        content = archive.read("content.xml").replace(
            b"office:text>", b"office:%s>" % kind.encode()
        )
    if kind == "presentation":
        content = content.replace(
            b"<table:table>", b"<draw:page xmlns:draw='d'><table:table>"
        ).replace(b"</table:table>", b"</table:table></draw:page>")
    else:
        content = content.replace(b"<table:table>", b'<table:table table:name="Data">')
    return zipped(
        {"mimetype": f"application/vnd.oasis.opendocument.{kind}", "content.xml": content}
    )


def _workbook() -> bytes:
    """Dates, shares, formulas, flags and text of every kind, counted from 1904."""
    import io
    import zipfile

    from document_files import xlsx, zipped

    styles = (
        '<numFmts><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/></numFmts><cellXfs>'
        '<xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="9"/><xf numFmtId="46"/><xf numFmtId="20"/>'
        "</cellXfs>"
    )
    cells = (
        '<c t="inlineStr"><is><r><t>rich </t></r><rPh><t>ri</t></rPh></is></c><c s="1"><v>45356</v></c>'
        '<c s="2"><v>0.5</v></c><c s="3"><v>1.5</v></c><c s="4"><v>0.75</v></c><c t="b"><v>1</v></c>'
        '<c t="e"><v>#N/A</v></c><c t="str"><f>A1</f><v>made</v></c><c><f>1+2</f></c>'
    )
    data = xlsx(
        {"One": [["Name", "Rent"], ["Anna", "512"]], "Two": [["x"]]}, [(0, 0, 1, 2)], cells, styles
    )
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    book = parts["xl/workbook.xml"]
    assert isinstance(book, bytes)
    parts["xl/workbook.xml"] = book.replace(b"<sheets>", b'<workbookPr date1904="1"/><sheets>')
    return zipped(parts)


def _mailbox() -> bytes:
    from document_corpus import mail

    return b"".join(b"From a Mon Jan  1 00:00:00 2029\n" + made.data + b"\n\n" for made in mail())


def _attached() -> bytes:
    """Mail with a document of several kinds in it, and mail in mail."""
    from document_files import pdf
    from table_files import as_rtf

    message = EmailMessage()
    message["Subject"], message["From"] = "Größe", "Anna <anna@example.org>"
    message.set_content("See below.")
    message.add_alternative("<p>See <b>below</b>.</p>", subtype="html")
    message.add_attachment(pdf(["A page."]), "application", "pdf", filename="p.pdf")
    message.add_attachment(as_rtf([["a", "b"]]), "application", "rtf", filename="größe.rtf")
    outer = EmailMessage()
    outer["Subject"] = "Fwd"
    outer.set_content("x")
    outer.add_attachment(message)
    return outer.as_bytes()


_MORE: dict[str, Callable[[], bytes]] = {
    ".odt": lambda: _odf("text"),
    ".ods": lambda: _odf("spreadsheet"),
    ".odp": lambda: _odf("presentation"),
    ".xlsx": _workbook,
    ".mbox": _mailbox,
    ".eml": _attached,
    ".md": lambda: (
        b"---\nx: y\n---\n# One\nText *a*.\n\n## Two\n```py\nx = 1\n```\n"
        b"| a | b |\n|---|---|\n| 1 | 2 |\n"
    ),
    ".rst": lambda: b"Title\n=====\n\nText::\n\n  code\n\nSub\n---\n\n.. note:: x\n",
    ".py": lambda: (
        b"import x\n\n\nclass A:\n    def f(self):\n        return 1\n\n\ndef g():\n    pass\n"
    ),
    ".txt": lambda: "Łódź, Москва and Αθήνα cost the same.\n\nTwo.".encode("utf-16"),
    ".svg": lambda: b"<svg><title>x</title><text x='1'>Some <tspan>text</tspan></text></svg>",
}
