"""Archives and XML by strangers: what they unpack to is counted, what they declare is refused."""

import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from xml.parsers import expat

from localcollab.documents.parsing.raw import Raw
from localcollab.documents.parsing.section import Refused, Unreadable

_DEEPEST = 500
_OF_EXPAT = ("UTF-8", "UTF-16", "UTF-16LE", "UTF-16BE", "ISO-8859-1", "US-ASCII")
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError, ValueError,
)  # fmt: skip
_STEP = 16_000_000
"""At once: what is longer than a step is scanned again with each step."""


class Archive:
    """A ZIP file; all that is read of it together stays below the limit."""

    def __init__(self, raw: Raw) -> None:
        """Raises `Unreadable`."""
        self._left = self._most = raw.limits.unpacked_bytes
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(raw.data))
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise Unreadable("a damaged archive") from error
        self.names = frozenset(self._zip.namelist())

    def read(self, name: str) -> bytes:
        """Raises `Refused` beyond the limit, `Unreadable`."""
        try:
            info = self._zip.getinfo(name)
            # What an archive says of itself is believed where that spares the work.
            data = b""
            if info.file_size <= self._left:
                with self._zip.open(info) as member:
                    data = member.read(self._left + 1)
        except KeyError as error:
            raise Unreadable(f"lacks its part {name[:100]!r}") from error
        except RuntimeError as error:
            raise Unreadable("is encrypted: save it without a password") from error
        except _DAMAGED as error:
            raise Unreadable(f"its part {name[:100]!r} is damaged") from error
        self._left -= max(len(data), info.file_size)
        if self._left < 0:
            raise Refused(f"unpacks to more than {self._most // 1_000_000} MB")
        return data


OnStart = Callable[[str, dict[str, str]], None]
OnEnd = Callable[[str], None]
OnText = Callable[[str], None]


def read_xml(data: bytes, on_start: OnStart, on_end: OnEnd, on_text: OnText) -> None:
    """Names come without their namespace. Raises `Unreadable`; nothing external is ever fetched."""
    parser = expat.ParserCreate(namespace_separator=" ")
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise Unreadable(f"its XML is nested more than {_DEEPEST} deep")
        local = {_local(key): value for key, value in attributes.items()}
        if len(local) < len(attributes):  # id beside r:id: the one with a namespace says more
            local |= {_local(key): value for key, value in attributes.items() if " " in key}
        on_start(_local(name), local)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        on_end(_local(name))

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = on_text
    parser.EntityDeclHandler = _refuse_entity
    parser.XmlDeclHandler = _check_encoding
    parser.buffer_text = True
    try:
        for first in range(0, len(data), _STEP):
            parser.Parse(data[first : first + _STEP], False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise Unreadable(f"its XML is damaged ({expat.errors.messages[error.code]})") from error


def _check_encoding(version: str, encoding: str | None, standalone: int) -> None:
    """expat asks Python for what it does not know itself, and takes one byte a character only."""
    if encoding is None or encoding.upper() in _OF_EXPAT:
        return
    try:
        is_known = len(bytes(range(256)).decode(encoding, "replace")) == 256
    except (LookupError, ValueError):
        is_known = False
    if not is_known:
        raise Unreadable(f"its XML is in the encoding {encoding!r:.40}, which is not supported")


def _refuse_entity(*_: object) -> None:
    raise Unreadable("its XML declares entities, which no document of this format needs")


def whole(text: str) -> int | None:
    """A number of up to nine digits, as an attribute has it; None for anything else."""
    # isdigit alone takes digits that int does not, and thousands of them.
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _local(name: str) -> str:
    return name.rpartition(" ")[2]
