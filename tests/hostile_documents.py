"""Two hundred files that no reader of documents should have to meet, written by one seed."""

import contextlib
import os
import random
import socket
import stat
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from document_files import docx, epub, odt, pdf, pptx, xlsx, zipped
from ole_files import message, ole

N_FILES = 200
_BLANKS = b" " * 150_000_000
"""More than an archive may unpack to; 150 KB of it packed."""
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
SUFFIXES = (
    ".txt",
    ".md",
    ".rst",
    ".html",
    ".pdf",
    ".docx",
    ".odt",
    ".epub",
    ".csv",
    ".eml",
    ".mbox",
)


def write_hostile(folder: Path) -> int:
    """Returns how many there are; each one's name ends in what it is."""
    seed = random.Random(0)
    files = {
        **dict(_archives()),
        **dict(_pdfs()),
        **dict(_spreading()),
        **dict(_texts()),
        **_wrong_names(),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    n = len(files) + _special(folder)
    originals = (
        ("pdf", pdf(["A page of text.", "Another."], {"Mark": 2})),
        ("docx", docx("<w:p><w:r><w:t>Some text.</w:t></w:r></w:p>")),
        ("epub", epub("Book", ["<p>Chapter</p>"])),
        ("odt", odt("<text:p>Some text.</text:p>")),
        ("xlsx", xlsx({"Sheet": [["Name", "Rent"], ["Anna", "512"]]})),
        ("pptx", pptx([("Title", "", "Notes")])),
        (
            "rtf",
            rb"{\rtf1\ansi{\fonttbl{\f0\fcharset204 A;}}\trowd\cellx9 \intbl a\cell\row\pard x\par}",
        ),
        ("msg", ole(message({0x37: "Subject", 0x1000: "Text."}, {"a.txt": b"attached"}))),
    )
    while n < N_FILES:
        kind, data = originals[n % len(originals)]
        (folder / f"damaged-{n}.{kind}").write_bytes(_damaged(data, seed))
        n += 1
    return n


def _damaged(data: bytes, seed: random.Random) -> bytes:
    found = bytearray(data)
    if seed.random() < 0.3:
        return bytes(found[: seed.randrange(1, len(found))])
    for _ in range(seed.randint(1, 30)):
        found[seed.randrange(len(found))] = seed.randrange(256)
    return bytes(found)


def _archives() -> Iterator[tuple[str, bytes]]:
    bomb = zipped({"word/document.xml": b"<a>" + _BLANKS + b"</a>"})
    yield "bomb.docx", bomb
    yield "bomb.txt", bomb
    yield "bomb.odt", zipped({"content.xml": b"<a>" + _BLANKS + b"</a>"})
    package = "<p><manifest>{}</manifest><spine>{}</spine></p>".format(
        '<item id="a" href="a.html"/>', '<itemref idref="a"/>' * 300
    )
    container = '<c><rootfile full-path="o.opf"/></c>'
    book: dict[str, str | bytes] = {
        "META-INF/container.xml": container,
        "o.opf": package,
        "a.html": b"x" * 1_000_000,
    }
    yield "many-times-one-chapter.epub", zipped(book)
    yield "climbing.epub", zipped(book | {"o.opf": package.replace("a.html", "../../etc/passwd")})
    yield "many-members.docx", zipped({f"m{n}": "" for n in range(20_000)})
    yield "empty-archive.docx", zipped({})
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(10))
    yield "laughs.docx", zipped({"word/document.xml": f"<!DOCTYPE a [{laughs}]><a>&l9;</a>"})
    outside = '<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><a>&f;</a>'
    yield "outside.docx", zipped({"word/document.xml": outside})
    yield "deep.docx", docx("<w:p>" * 200_000)
    yield "deep.odt", odt("<text:p>" * 200_000)
    yield "blanks.odt", odt('<text:p>a<text:s text:c="999999999999"/>b</text:p>' * 50)
    yield (
        "cells.docx",
        docx("<w:tbl><w:tr>" + "<w:tc><w:p><w:r><w:t>x</w:t></w:r></w:p></w:tc>" * 50_000),
    )


def _pdfs() -> Iterator[tuple[str, bytes]]:
    whole = pdf(["A page of text."] * 3)
    for share in range(1, 10):
        yield f"cut-{share}.pdf", whole[: len(whole) * share // 10]
    yield "own-parent.pdf", whole.replace(b"/Kids [4 0 R", b"/Kids [2 0 R")
    yield "own-content.pdf", whole.replace(b"/Contents 5 0 R", b"/Contents 4 0 R")
    yield "no-pages.pdf", whole.replace(b"/Pages 2 0 R", b"/Pages 9999 0 R")
    yield "million-pages.pdf", whole.replace(b"/Count 3", b"/Count 1000000000")
    yield "long-stream.pdf", whole.replace(b"/Length ", b"/Length 99999999999")
    yield "endless-xref.pdf", whole.replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev 9")
    packed = zlib.compress(b"(a) Tj " * 20_000_000, 9)
    stream = b"/Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(packed), packed)
    head, _, tail = whole.partition(b"/Length ")
    yield "bomb.pdf", head + stream + tail[tail.index(b"endstream") + 9 :]
    yield "nested.pdf", whole.replace(b"/Root 1 0 R", b"/Root 1 0 R /X " + b"[" * 100_000)
    yield "encrypted.pdf", whole.replace(b"/Root 1 0 R", b"/Root 1 0 R /Encrypt << /Filter /No >>")


def _spreading() -> Iterator[tuple[str, bytes]]:
    """Little that asks for much."""
    merged = [(0, 0, 1_000_000, 16_000)]
    yield "merged.xlsx", xlsx({"Sheet": [["a"], ["b", "c", "d"]]}, merged)
    row = "<tr>" + "<td rowspan=65534 colspan=1000>x" * 100
    yield "spans.html", f"<table>{row * 1000}".encode()
    repeated = (
        '<table:table-cell table:number-columns-repeated="100000"><text:p>x</text:p>'
        "</table:table-cell>"
    )
    rows = f'<table:table-row table:number-rows-repeated="1000000">{repeated}</table:table-row>'
    yield "repeated.odt", odt(f"<table:table>{rows}</table:table>")
    yield "groups.rtf", b"{\\rtf1" + b"{" * 200_000
    yield "bin.rtf", b"{\\rtf1\\bin9999999999 x}"
    yield "deep.ipynb", b"[" * 200_000


def _texts() -> Iterator[tuple[str, bytes]]:
    yield "one-line.txt", b"x" * 20_000_000
    yield "no-blanks.csv", b"a," * 500_000
    yield "unclosed.csv", b'a,b\n"' + b"c,d\n" * 100_000
    yield "zeros.csv", b"a,b\n\0\0\0,c\n"
    yield "deep.html", b"<div>" * 200_000 + b"x"
    yield "opened.html", b"<" * 100_000
    yield "comments.html", b"<!--" * 50_000
    yield "references.html", b"&#xFFFFFFFFFF;&#0;&#xD800;" * 1000
    yield "pre.html", b"<pre>" * 10_000 + b" x\n" * 10_000
    yield "charset.html", b'<meta charset="rot13"><p>x</p>'
    yield "hashes.md", b"#" * 1_000_000 + b"\n" + b"# a\n" * 50_000
    yield "fences.md", b"```\n" * 100_001
    yield "underlines.rst", b"====\n" * 100_000
    yield "titles.rst", b"".join(b"a\n%s\n" % (bytes([c]) * 4) for c in range(33, 48)) * 2000
    yield "modifiers.py", b"export " * 200_000
    yield (
        "nested.eml",
        b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(500)
        ),
    )
    yield "charset.eml", b"Content-Type: text/plain; charset=nothing\n\n\xff\xfe text"
    yield (
        "headers.eml",
        b"Subject: =?utf-8?b?" + b"A" * 100_000 + b"?=\nFrom: <<<<@@\nDate: 99\n\nx",
    )
    yield "base64.eml", b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!!!"
    yield "many.mbox", b"\nFrom a\n" * 20_000
    yield "half.txt", "a\ud800b".encode("utf-8", "surrogatepass")
    yield "mark-only.txt", b"\xff\xfe"
    yield "odd-utf16.txt", b"\xff\xfea\0b"
    yield "escapes.txt", b"\x1b]0;title\x07\x1b[2J" * 10
    for suffix in SUFFIXES:
        yield f"empty{suffix}", b""


def _wrong_names() -> dict[str, bytes]:
    return {f"picture{suffix}": PNG for suffix in SUFFIXES} | {
        "program.txt": b"\x7fELF" + bytes(1000),
        "page.docx": pdf(["x"]),
        "prose.epub": b"plain prose",
        "book.pdf": epub("T", ["<p>x</p>"]),
        "packed.md": b"\x1f\x8b\x08" + bytes(range(256)),
    }


def _special(folder: Path) -> int:
    """What is no plain file, or has no plain name. Returns how many could be made here."""
    makers: list[Callable[[], object]] = [
        *(lambda name=name: (folder / os.fsdecode(name)).write_text("A name.") for name in (
            b"two\nlines.txt", b"\x1b[31mred.txt", b"no-utf8-\xff\xfe.txt", b"-rf", b"'; DROP TABLE.txt",
            b"\xe2\x80\xaegnp.txt", b"x" * 251 + b".txt", b" ", b"%s%n.txt",
        )),
        lambda: _sparse(folder / "sparse.txt", 1_000_000_000),
        lambda: _sparse(folder / "sparse.pdf", 1_000_000_000),
        lambda: os.mkfifo(folder / "fifo.txt"),
        lambda: os.mkfifo(folder / "fifo.pdf"),
        lambda: _socket(folder / "socket.txt"),
        lambda: os.mknod(folder / "zero.txt", stat.S_IFCHR | 0o666, os.makedev(1, 5)),
        lambda: os.mknod(folder / "random.pdf", stat.S_IFCHR | 0o666, os.makedev(1, 9)),
        lambda: (folder / "passwd.txt").symlink_to("/etc/passwd"),
        lambda: (folder / "root").symlink_to("/"),
        lambda: (folder / "nowhere.txt").symlink_to("nowhere"),
        lambda: (folder / "itself.txt").symlink_to("itself.txt"),
        lambda: _unreadable(folder / "unreadable.txt"),
    ]  # fmt: skip
    n = 0
    for make in makers:
        with contextlib.suppress(PermissionError):
            make()
            n += 1
    return n


def _sparse(file: Path, size_bytes: int) -> None:
    file.touch()
    os.truncate(file, size_bytes)


def _socket(file: Path) -> None:
    with socket.socket(socket.AF_UNIX) as opened, contextlib.chdir(file.parent):
        opened.bind(file.name)


def _unreadable(file: Path) -> None:
    file.write_text("closed")
    file.chmod(0)
