"""Outlook messages (.msg): who wrote to whom, when, its text, and the documents attached to it."""

import io
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from localcollab.documents.parsing import html, rtf
from localcollab.documents.parsing.attachments import Attachment, read_attachments
from localcollab.documents.parsing.compressed_rtf import decompress
from localcollab.documents.parsing.encoding import decode_bytes
from localcollab.documents.parsing.raw import Raw
from localcollab.documents.parsing.section import (
    HEADINGS_JOINED,
    Missing,
    Refused,
    Section,
    Unreadable,
)

_DEEPEST = 4
_ATTACHED = "__attach_version1.0_#"
_SUBJECT, _BODY, _BODY_HTML, _BODY_RTF = 0x0037, 0x1000, 0x1013, 0x1009
_SENDER, _SENDER_ADDRESS, _SENDER_SMTP = 0x0C1A, 0x0C1F, 0x5D01
_TO, _CC = 0x0E04, 0x0E03
_NAME, _LONG_NAME, _CONTENT, _MIME = 0x3704, 0x3707, 0x3701, 0x370E
_SENT, _DELIVERED = 0x0039, 0x0E06
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def parse(raw: Raw) -> Iterator[Section]:
    ole = _open(raw)
    try:
        yield from _read(raw, ole, (), 0)
    finally:
        ole.close()


def _open(raw: Raw) -> Any:
    try:
        import olefile
    except ImportError as error:
        raise Missing(
            "reading Outlook messages needs olefile: pip install 'localcollab[documents]'"
        ) from error
    try:
        ole = olefile.OleFileIO(io.BytesIO(raw.data))
    except MemoryError:
        raise
    except Exception as error:
        raise _damaged(error) from error
    if not ole.exists("__properties_version1.0"):
        raise Refused(f"an OLE file of no known format ({raw.suffix or 'no suffix'})")
    return ole


def _stream(ole: Any, name: list[str]) -> bytes:
    """Raises `Unreadable`: sectors may lie anywhere, and be of any size."""
    try:
        found: bytes = ole.openstream(name).read()
    except MemoryError:
        raise
    except Exception as error:
        raise _damaged(error) from error
    return found


def _damaged(error: Exception) -> Unreadable:
    """olefile meets a stranger's mistakes in many ways."""
    return Unreadable(f"a damaged OLE file ({type(error).__name__})")


class _Storage:
    """One message, or one attachment: properties by their number."""

    def __init__(self, ole: Any, path: tuple[str, ...], limit: int) -> None:
        self._ole, self._path, self._limit = ole, path, limit

    def data(self, number: int, kind: int) -> bytes | None:
        name = [*self._path, f"__substg1.0_{number:04X}{kind:04X}"]
        if not self._ole.exists(name) or self._ole.get_type(name) != 2:
            return None
        if self._ole.get_size(name) > self._limit:
            raise Refused(f"unpacks to more than {self._limit // 1_000_000} MB")
        return _stream(self._ole, name)

    def text(self, number: int) -> str:
        wide = self.data(number, 0x001F)
        if wide is not None:
            return wide.decode("utf-16-le", "replace").rstrip("\0")
        narrow = self.data(number, 0x001E)
        return "" if narrow is None else decode_bytes(narrow).text.rstrip("\0")

    def time(self, number: int) -> str:
        """From the table of properties of fixed size."""
        name = [*self._path, "__properties_version1.0"]
        table = _stream(self._ole, name) if self._ole.exists(name) else b""
        for at in range(24 if self._path else 32, len(table) - 15, 16):
            tag, _, ticks = struct.unpack_from("<IIQ", table, at)
            if tag == number << 16 | 0x0040 and ticks < 1 << 62:
                moment = _EPOCH + timedelta(microseconds=ticks // 10)
                return moment.strftime("%Y-%m-%d %H:%M UTC")
        return ""


def _read(raw: Raw, ole: Any, path: tuple[str, ...], depth: int) -> Iterator[Section]:
    message = _Storage(ole, path, raw.limits.unpacked_bytes)
    subject = " ".join(message.text(_SUBJECT).split())[:200]
    head = [f"{name}: {value}" for name, value in _headers(message, subject) if value]
    places = _attached(ole, path)
    names = [_attachment_name(_Storage(ole, place, raw.limits.unpacked_bytes)) for place in places]
    if names:
        head.append(f"Attached: {', '.join(names)}")
    yield Section("\n".join(head) + f"\n\n{_body(raw, message).strip()}\n\n", heading=subject)
    for place, name in zip(places, names, strict=True):
        for section in _read_attached(raw, ole, place, name, depth):
            heading = HEADINGS_JOINED.join(filter(None, (subject, section.heading)))
            yield Section(section.text, heading=heading)


def _headers(message: _Storage, subject: str) -> Iterator[tuple[str, str]]:
    sender = message.text(_SENDER)
    address = message.text(_SENDER_SMTP) or message.text(_SENDER_ADDRESS)
    is_new = address and address != sender
    yield "From", f"{sender} <{address}>" if sender and is_new else sender or address
    yield "To", " ".join(message.text(_TO).split())
    yield "Cc", " ".join(message.text(_CC).split())
    yield "Date", message.time(_SENT) or message.time(_DELIVERED)
    yield "Subject", subject


def _body(raw: Raw, message: _Storage) -> str:
    plain = message.text(_BODY)
    if plain.strip():
        return plain.replace("\r\n", "\n")
    page = message.data(_BODY_HTML, 0x0102)
    if page is not None:
        text = html.as_declared(page)
        if text is None:
            decoded = decode_bytes(page)
            raw.note(decoded.note)
            text = decoded.text
    else:
        text = message.text(_BODY_HTML)
    if text.strip():
        return "\n\n".join(block.text for block in html.blocks(text, raw.notes))
    packed = message.data(_BODY_RTF, 0x0102)
    if packed is None:
        return ""
    inner = Raw(decompress(packed, raw.limits.unpacked_bytes), ".rtf", raw.limits, raw.notes)
    return "".join(section.text for section in rtf.parse(inner))


def _attached(ole: Any, path: tuple[str, ...]) -> list[tuple[str, ...]]:
    depth = len(path)
    found = {
        tuple(entry[: depth + 1])
        for entry in ole.listdir(streams=True, storages=True)
        if len(entry) > depth
        and tuple(entry[:depth]) == path
        and entry[depth].startswith(_ATTACHED)
    }
    return sorted(found)


def _attachment_name(attached: _Storage) -> str:
    name = attached.text(_LONG_NAME) or attached.text(_NAME) or attached.text(0x3001)
    return " ".join(name.split())[:200] or "message"


def _read_attached(
    raw: Raw, ole: Any, place: tuple[str, ...], name: str, depth: int
) -> Iterator[Section]:
    inner = (*place, f"__substg1.0_{_CONTENT:04X}000D")
    if ole.exists(list(inner)) and ole.exists([*inner, "__properties_version1.0"]):
        raw.left.n_attached -= 1
        if depth >= _DEEPEST or raw.left.n_attached < 0:
            raw.note(f"attached {name} was not read (attached too deep, or too many)")
            return
        for section in _read(raw, ole, inner, depth + 1):
            yield Section(f"Attached: {name}\n\n{section.text}", heading=section.heading)
        return
    data = _Storage(ole, place, raw.limits.unpacked_bytes).data(_CONTENT, 0x0102)
    kind = _Storage(ole, place, raw.limits.unpacked_bytes).text(_MIME)
    unread = kind if kind.startswith(("image/", "audio/", "video/")) else ""
    if data is None:
        data, unread = b"", "it is not in the message"
    suffix = "." + name.rpartition(".")[2].lower() if "." in name else ".txt"
    yield from read_attachments(raw, [Attachment(name, suffix, data, unread)])
