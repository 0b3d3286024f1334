"""Mail: every text and every attached document is read or its absence noted."""

import base64
from email.message import EmailMessage
from itertools import product

import pytest

from document_files import docx, epub, pdf, xlsx
from documents_read import read, text_of

PLAIN = "The rent is 4711 euro, payable monthly in advance."
RICH = "<p>The rent is <b>4711</b> euro, payable monthly in advance.</p>"
BODIES: dict[str, list[str | bytes]] = {
    "plain": [PLAIN], "html": [RICH], "both": [PLAIN, RICH], "blank plain": [" \n", RICH],
    "stub": ["Your program shows no HTML.", RICH], "with pictures": [RICH, b"\x89PNG\0\0\0\0"],
}  # fmt: skip
"""Alternatives of one text, and a picture within it."""
CHARSETS = {"utf-8": "utf-8", "x-unknown": "cp1252", "us-ascii": "utf-8", "utf-8 wrong": "cp1252",
            "gb2312": "gb18030"}  # fmt: skip
ATTACHED = {
    "a.docx": docx("<w:p><w:r><w:t>Attached fact 815.</w:t></w:r></w:p>"),
    "a.pdf": pdf(["Attached fact 815."]), "a.txt": b"Attached fact 815.",
    "a.csv": b"what,n\nAttached fact,815.\n", "a.xlsx": xlsx({"S": [["a", "b"], ["fact", "815"]]}),
    "a.epub": epub("B", ["<p>Attached fact 815.</p>"]), "a.html": b"<p>Attached fact 815.</p>",
    "\u00dcbersicht.txt": b"Attached fact 815.",
}  # fmt: skip


@pytest.mark.parametrize(("body", "footer"), product(BODIES, (False, True)))
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_the_body_is_read_once_in_every_shape_a_message_has(
    body: str, footer: bool, depth: int
) -> None:
    message = EmailMessage()
    message["From"], message["Subject"] = "anna@example.org", "Offer"
    for n, part in enumerate(BODIES[body]):
        if isinstance(part, bytes):
            message.add_related(part, "image", "png")
        elif n:
            message.add_alternative(part, subtype="html")
        else:
            message.set_content(part, subtype="html" if part == RICH else "plain")
    if footer:
        message.make_mixed()
        last = EmailMessage()
        last.set_content("A list's footer.")
        message.attach(last)
    for n in range(depth):
        outer = EmailMessage()
        outer["From"], outer["Subject"] = f"fwd{n}@example.org", f"Fwd {n}"
        outer.set_content("See below.")
        outer.add_attachment(message)
        message = outer
    found = " ".join(text_of(message.as_bytes(), ".eml").split())
    assert found.count("4711") == 1
    assert ("A list's footer." in found) == footer
    assert "From: anna@example.org" in found
    assert found.count("Subject: Offer") == 1


@pytest.mark.parametrize("name", ATTACHED)
@pytest.mark.parametrize("is_forwarded", [False, True])
def test_documents_that_are_attached_are_read_under_their_name(
    name: str, is_forwarded: bool
) -> None:
    message = EmailMessage()
    message["Subject"] = "Papers"
    message.set_content("See the file.")
    message.add_attachment(ATTACHED[name], "application", "octet-stream", filename=name)
    if is_forwarded:
        outer = EmailMessage()
        outer["Subject"] = "Fwd"
        outer.set_content("Look.")
        outer.add_attachment(message)
        message = outer
    found, notes = read(message.as_bytes(), ".eml")
    (section,) = [each for each in found if "815" in each.text]
    assert name in section.heading
    assert notes == []


@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize("kind", ["plain", "html"])
def test_a_body_is_read_whatever_charset_it_names(charset: str, kind: str) -> None:
    text = (
        "合同的通知期为三十天，租金每月五千元。"
        if charset == "gb2312"
        else "Gruß an Müller: 4711 €."
    )
    data = (f"<p>{text}</p>" if kind == "html" else text).encode(CHARSETS[charset])
    head = f"Subject: x\nContent-Type: text/{kind}; charset={charset.split()[0]}\n"
    message = f"{head}Content-Transfer-Encoding: 8bit\n\n".encode() + data
    found, notes = read(message, ".eml")
    assert text in found[0].text
    assert bool(notes) == (charset in ("x-unknown", "utf-8 wrong"))


@pytest.mark.parametrize(
    ("data", "kind", "note"),
    [
        (b"\x89PNG\0\0\0\0", "image/png", "attached f.png was not read (image/png)"),
        (b"PK\x03\x04rubbish", "application/zip", "attached f.zip was not read (a damaged archive"),
        (bytes(200), "application/octet-stream", "attached f.bin was not read (binary data"),
        (b"", "text/plain", "attached f.txt was not read (holds no text)"),
    ],
)
def test_what_is_attached_and_not_read_is_noted(data: bytes, kind: str, note: str) -> None:
    message = EmailMessage()
    message.set_content("Text.")
    suffix = note.split(" ")[1]
    message.add_attachment(data, *kind.split("/"), filename=suffix)
    (found,) = read(message.as_bytes(), ".eml")[1]
    assert found.startswith(note)


def test_messages_within_messages_end_somewhere() -> None:
    message = EmailMessage()
    message.set_content("Innermost.")
    for n in range(12):
        outer = EmailMessage()
        outer["Subject"] = f"S{n}"
        outer.set_content(f"Level {n}.")
        outer.add_attachment(message)
        message = outer
    found, notes = read(message.as_bytes(), ".eml")
    assert "Level 11." in found[0].text
    assert [note for note in notes if "was not read (attached" in note]


def test_there_is_a_limit_to_how_many_files_are_attached() -> None:
    message = EmailMessage()
    message.set_content("Text.")
    for n in range(210):
        message.add_attachment(b"x", "text", "plain", filename=f"f{n}.txt")
    found, notes = read(message.as_bytes(), ".eml")
    assert len(found) == 201
    assert notes == ["attached files beyond 200 were not read"]


@pytest.mark.parametrize("value", ["=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "=?utf-8?b?R3LDvMOfZQ==?=",
                                   "=?x-unheard-of?q?Gr=C3=BC=C3=9Fe?=", "Gr\u00fc\u00dfe"])  # fmt: skip
def test_a_subject_is_read_in_every_way_it_is_written(value: str) -> None:
    assert "Subject: Gr\u00fc\u00dfe" in text_of(f"Subject: {value}\n\nx".encode(), ".eml")


@pytest.mark.parametrize("encoding", ["base64", "BASE64"])
@pytest.mark.parametrize("n_cut", range(4))
def test_a_forwarded_message_that_is_encoded_as_a_whole_is_read(encoding: str, n_cut: int) -> None:
    inner = base64.encodebytes(
        b"From: carl@example.org\nSubject: Inner\n\nThe rent is 815.   "
    ).decode()
    message = (
        "Subject: Fwd\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n"
        f"Content-Transfer-Encoding: {encoding}\n\n{inner.rstrip()[: -n_cut or None]}\n--b--\n"
    )
    found = text_of(message, ".eml")
    assert "From: carl@example.org\nSubject: Inner\n\nThe rent is 815." in found


def test_why_a_message_was_not_delivered_is_read() -> None:
    message = (
        "Subject: Undelivered\nContent-Type: multipart/report; boundary=b\n\n--b\n\nSorry.\n--b\n"
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n"
        "Final-Recipient: rfc822; bruno@example.org\nAction: failed\n--b--\n"
    )
    found = text_of(message, ".eml")
    assert "Final-Recipient: rfc822; bruno@example.org\nAction: failed" in found


@pytest.mark.parametrize(
    "charset", ["charmap", "unicode_escape", "idna", "rot13", "hex", "undefined"]
)
def test_a_codec_that_is_no_charset_is_not_used(charset: str) -> None:
    message = f"Subject: x\nContent-Type: text/plain; charset={charset}\n\nGr\\u00fc Größe".encode(
        "cp1252"
    )
    found, notes = read(message, ".eml")
    assert "Gr\\u00fc Größe" in found[0].text
    assert f"charset '{charset}' is not known" in notes


def test_a_part_that_is_sent_as_it_is_makes_no_binary_file_of_the_message() -> None:
    head = (
        b"Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nThe rent is 815.\n--b\n"
    )
    part = b"Content-Type: application/octet-stream\nContent-Transfer-Encoding: binary\n\n" + bytes(
        500
    )
    found, notes = read(head + part + b"\n--b--\n", ".eml")
    assert "The rent is 815." in found[0].text
    assert notes[0].startswith("attached application/octet-stream was not read (binary data")


@pytest.mark.parametrize(
    "kind",
    ["multipart/alternative", "multipart/mixed", "text/plain", "text/html", "message/rfc822"],
)
@pytest.mark.parametrize(
    "charset", ["charset*=x''%zz", "charset*0=a; charset*1=b", "charset*=''", 'charset="']
)
@pytest.mark.parametrize("encoding", ["7bit", "8bit", "base64", "x-unknown"])
def test_a_charset_that_is_no_word_ends_nothing(kind: str, charset: str, encoding: str) -> None:
    head = f"From: anna@example.org\nSubject: Offer\nContent-Type: {kind}; {charset}\n"
    body = f"Content-Transfer-Encoding: {encoding}\n\nThe rent is 4711 €.\n"
    assert "Offer" in text_of((head + body).encode(), ".eml")
