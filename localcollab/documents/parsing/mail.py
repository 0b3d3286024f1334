"""A message (.eml): who wrote to whom, when, its text, and the documents attached to it."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import policy
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from pathlib import PurePosixPath

from localcollab.documents.parsing import html
from localcollab.documents.parsing.attachments import Attachment, read_attachments
from localcollab.documents.parsing.encoding import decode_bytes
from localcollab.documents.parsing.raw import Raw
from localcollab.documents.parsing.section import HEADINGS_JOINED, Section

_SHOWN = ("From", "To", "Cc", "Date", "Subject")
_MOST_PARTS = 1000
_LONGEST_HEADER = 20_000
_SUFFIXES = {"text/plain": ".txt", "text/html": ".html", "text/csv": ".csv", "text/markdown": ".md"}
_PICTURES = frozenset({"image", "audio", "video"})
_CHARSETS = {
    "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949", "iso-8859-1": "cp1252", "iso-8859-9": "cp1254", "iso-8859-8-i": "iso-8859-8",
    "us-ascii": "utf-8", "utf8mb4": "utf-8", "windows-31j": "cp932", "tis-620": "cp874",
}  # fmt: skip
"""What is meant by the names that mail programs write: mostly a superset."""

_OF_PYTHON = frozenset(
    {"charmap", "idna", "mbcs", "oem", "palmos", "punycode", "raw-unicode-escape", "undefined",
     "unicode-escape", "unicode-internal"}
)  # fmt: skip
"""Codecs that no mail is in."""
Part = Message


@dataclass(slots=True)
class _Contents:
    texts: list[str] = field(default_factory=list)
    attached: list[Attachment] = field(default_factory=list)
    n_parts: int = 0


def parse(raw: Raw) -> Iterator[Section]:
    yield from read_message(raw, raw.data)


def read_message(raw: Raw, data: bytes) -> Iterator[Section]:
    message = BytesParser(policy=policy.compat32).parsebytes(data)
    contents = _Contents()
    _collect(raw, message, contents)
    headers = {name: header(raw, message, name) for name in _SHOWN}
    head = [f"{name}: {value}" for name, value in headers.items() if value]
    if contents.attached:
        head.append(f"Attached: {', '.join(each.name for each in contents.attached)}")
    body = "\n\n".join(text.strip() for text in contents.texts if text.strip())
    subject = headers["Subject"][:200]
    yield Section("\n".join(head) + "\n\n" + body + "\n\n", heading=subject)
    for section in read_attachments(raw, contents.attached):
        heading = HEADINGS_JOINED.join(filter(None, (subject, section.heading)))
        yield Section(section.text, heading=heading)


def header(raw: Raw, message: Part, name: str) -> str:
    found = (str(value) for key, value in message.raw_items() if key.lower() == name.lower())
    return decoded_words(raw, next(found, ""), name)


def decoded_words(raw: Raw, value: str, name: str) -> str:
    """Encoded words, and bytes that should have been some, as text."""
    if len(value) > _LONGEST_HEADER:
        raw.note(f"a header {name} of {len(value)} characters was not decoded")
        return " ".join(value.split())
    if not value.isascii():  # bytes that should have been encoded words
        value = _decoded(raw, value.encode("utf-8", "surrogateescape"), None)
    try:
        # Between two encoded words, a line break and blanks are not part of the text.
        parts = decode_header(re.sub(r"\r?\n[ \t]+", " ", value))
    except Exception:  # the package meets a stranger's header in many ways
        return " ".join(value.split())
    text = "".join(
        part if isinstance(part, str) else _decoded(raw, part, charset) for part, charset in parts
    )
    return " ".join(text.split())


def _collect(raw: Raw, part: Part, into: _Contents) -> None:
    into.n_parts += 1
    if into.n_parts > _MOST_PARTS:
        raw.note(f"has more than {_MOST_PARTS} parts: the others were not read")
        return
    kind = part.get_content_type()
    if kind in ("message/rfc822", "message/global"):
        _attach_message(raw, part, into)
    elif kind == "message/delivery-status":
        into.texts += [_fields(raw, each) for each in _children(part)]
    elif kind == "multipart/alternative":
        _collect_best(raw, part, into)
    elif part.is_multipart():
        for each in _children(part):
            _collect(raw, each, into)
    elif kind in ("text/plain", "text/html") and not part.get_filename():
        into.texts.append(_text(raw, part, kind))
    else:
        is_picture = part.get_content_maintype() in _PICTURES and "svg" not in kind
        unread = kind if is_picture else ""
        attached = Attachment(_name(raw, part), _suffix(raw, part), _payload(part), unread)
        into.attached.append(attached)


def _children(part: Part) -> list[Part]:
    if not part.is_multipart():  # text is not wanted, and may be of a charset that cannot be read
        return []
    return [each for each in part.get_payload() if isinstance(each, Message)]


def _collect_best(raw: Raw, part: Part, into: _Contents) -> None:
    """Plain text where it says what the HTML says; both where each says something of its own."""
    plain: list[str] = []
    rich: list[str] = []
    for each in _children(part):
        contents = _Contents(n_parts=into.n_parts)
        _collect(raw, each, contents)
        into.n_parts = contents.n_parts
        is_plain = each.get_content_type() == "text/plain"
        (plain if is_plain else rich).extend(text for text in contents.texts if text.strip())
        into.attached += contents.attached
    in_plain, in_rich = _words(plain), _words(rich)
    n_common = len(in_plain & in_rich)
    if 2 * n_common >= len(in_rich):
        into.texts += plain or rich
    elif 2 * n_common >= len(in_plain):
        into.texts += rich
    else:
        into.texts += [*plain, *rich]


def _words(texts: list[str]) -> set[str]:
    return {word for text in texts for word in re.findall(r"\w+", text.lower())}


def _fields(raw: Raw, part: Part) -> str:
    """What a report says: to whom something was not delivered, and why."""
    return "\n".join(
        f"{name}: {decoded_words(raw, str(value), name)}" for name, value in part.raw_items()
    )


def _attach_message(raw: Raw, part: Part, into: _Contents) -> None:
    inner = _children(part)
    encoded = _encoded(part, inner[0]) if inner else None
    if encoded is not None:
        name, data, unread = _name(raw, part), encoded, ""
    elif inner:
        name = header(raw, inner[0], "Subject") or "message"
        try:
            data, unread = inner[0].as_bytes(policy=policy.compat32), ""
        except Exception as error:  # the package cannot write all that it can read
            data, unread = b"", f"a damaged message ({type(error).__name__})"
    else:
        name, data, unread = _name(raw, part), _payload(part), ""
    into.attached.append(Attachment(name[:200], ".eml", data, unread))


def _encoded(part: Part, inner: Part) -> bytes | None:
    """The message where it is encoded as a whole, which the standard forbids and the package ignores."""
    if str(part.get("Content-Transfer-Encoding", "")).strip().lower() != "base64":
        return None
    if inner.keys() or inner.is_multipart():
        return None
    payload = str(inner.get_payload())
    letters = re.sub(r"[^A-Za-z0-9+/]", "", payload)
    return base64.b64decode(letters[: len(letters) - (len(letters) % 4 == 1)] + "==")


def _name(raw: Raw, part: Part) -> str:
    name = part.get_filename() or part.get_content_type()
    return decoded_words(raw, str(name), "filename")[:200]


def _suffix(raw: Raw, part: Part) -> str:
    suffix = PurePosixPath(_name(raw, part)).suffix.lower()
    kind = part.get_content_type()
    return suffix if part.get_filename() and suffix else _SUFFIXES.get(kind, ".txt")


def _payload(part: Part) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _text(raw: Raw, part: Part, kind: str) -> str:
    data, charset = _payload(part), _charset(part)
    declared = html.as_declared(data) if kind == "text/html" and not charset else None
    text = _decoded(raw, data, charset) if declared is None else declared
    text = text.replace("\r\n", "\n")
    if kind == "text/plain":
        return text
    return "\n\n".join(block.text for block in html.blocks(text, raw.notes))


def _charset(part: Part) -> str:
    try:
        return part.get_content_charset() or ""
    except (LookupError, ValueError, TypeError):
        return ""


def _decoded(raw: Raw, data: bytes, charset: str | None) -> str:
    """In the charset that is named, where it fits; else by what the bytes look like."""
    name = (charset or "").lower().strip()
    if name.replace("_", "-") in _OF_PYTHON:
        raw.note(f"charset {name[:40]!r} is not known")
    elif name and name != "unknown-8bit":
        try:
            return data.decode(_CHARSETS.get(name, name.removeprefix("x-")))
        except LookupError:
            raw.note(f"charset {name[:40]!r} is not known")
        except ValueError:
            if name != "us-ascii":
                raw.note(f"the text is not in the charset that it names ({name[:40]})")
    decoded = decode_bytes(data)
    raw.note(decoded.note)
    return decoded.text
