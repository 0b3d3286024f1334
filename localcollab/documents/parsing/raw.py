"""A file's bytes as a parser gets them, and bytes -> characters."""

import codecs
from dataclasses import dataclass, field

from localcollab.documents.parsing.limits import Limits
from localcollab.documents.parsing.section import Refused

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark begins it
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MOST_CONTROLS = 0.01
_CONTROLS = bytes(c for c in range(32) if c not in b"\t\n\r\f\x1b\b")


@dataclass(frozen=True, slots=True)
class Raw:
    data: bytes
    suffix: str
    """Of the file's name, lower case, with its dot."""
    limits: Limits
    notes: list[str] = field(default_factory=list)
    """What a parser could not read of an otherwise readable file; shown as the document's error."""


def is_binary(data: bytes) -> bool:
    """Whether it cannot be text in any encoding that `decode` knows."""
    if any(data.startswith(bom) for bom, _ in _BOMS):
        return False
    n_controls = len(data) - len(data.translate(None, _CONTROLS))
    return n_controls > _MOST_CONTROLS * len(data)


def decode(raw: Raw, data: bytes | None = None) -> str:
    """By its byte order mark, else UTF-8, else Latin-1, which is noted. Line ends become newlines."""
    data = raw.data if data is None else data
    if is_binary(data):
        raise Refused(f"binary data, not text: no known format ({raw.suffix or 'no suffix'})")
    return _newlines(_decoded(raw, data))


def _decoded(raw: Raw, data: bytes) -> str:
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return data[len(bom) :].decode(encoding, "replace")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raw.notes.append("not UTF-8: read as Latin-1")
        return data.decode("cp1252", "replace")


def _newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
