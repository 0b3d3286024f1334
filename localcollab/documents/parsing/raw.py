"""A file's bytes as a parser gets them, and bytes -> characters."""

from dataclasses import dataclass, field

from localcollab.documents.parsing.encoding import BOMS, decode_bytes, utf_16
from localcollab.documents.parsing.limits import Limits
from localcollab.documents.parsing.section import Refused

_MOST_CONTROLS = 0.01
_FEW_CONTROLS = 3
_MOST_NOTES = 20
_CONTROLS = bytes(c for c in range(32) if c not in b"\t\n\r\f\x1a\x1b\b")


MOST_ATTACHED = 200


@dataclass(slots=True)
class Budget:
    """Of one file, with all that is inside of what is inside."""

    n_attached: int = MOST_ATTACHED


@dataclass(frozen=True, slots=True)
class Raw:
    data: bytes
    suffix: str
    """Of the file's name, lower case, with its dot."""
    limits: Limits
    notes: list[str] = field(default_factory=list)
    """What a parser could not read of an otherwise readable file; shown as the document's error."""
    depth: int = 0
    """How many files it is inside of, as an attachment is."""
    left: Budget = field(default_factory=Budget)
    reads_pictures: bool = False
    """Whether pages without text are read afterwards: then nobody need be told of them."""
    pictures: list[tuple[int, str]] = field(default_factory=list)
    """Number and heading of each such page."""

    def summary(self) -> str:
        """The notes in one line."""
        more = len(self.notes) - _MOST_NOTES
        return "; ".join(self.notes[:_MOST_NOTES]) + (f"; and {more} more" if more > 0 else "")

    def note(self, note: str) -> None:
        if note and note not in self.notes:
            self.notes.append(note)


def is_binary(data: bytes) -> bool:
    """Whether it cannot be text in any encoding that `decode` knows."""
    if any(data.startswith(bom) for bom, _ in BOMS):
        return False
    n_controls = len(data) - len(data.translate(None, _CONTROLS))
    if n_controls <= max(_FEW_CONTROLS, _MOST_CONTROLS * len(data)):
        return False
    return utf_16(data) is None


def decode(raw: Raw, data: bytes | None = None) -> str:
    """By its byte order mark, else UTF-8, else by a guess, which is noted. Line ends become newlines."""
    data = raw.data if data is None else data
    if is_binary(data):
        raise Refused(f"binary data, not text: no known format ({raw.suffix or 'no suffix'})")
    decoded = decode_bytes(data)
    raw.note(decoded.note)
    return decoded.text.replace("\r\n", "\n").replace("\r", "\n")
