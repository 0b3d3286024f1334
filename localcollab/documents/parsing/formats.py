"""Which format a file is: by its content where that is plain, else by its name."""

import importlib
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator

from localcollab.documents.parsing.raw import Raw, is_binary
from localcollab.documents.parsing.section import Refused, Section, Unreadable

VERSION = 3
"""Of all parsers: raised when one of them reads differently, so that `sync` reads again."""

_BY_SUFFIX = {
    "markdown": (".md", ".markdown", ".mdx"),
    "restructuredtext": (".rst", ".rest"),
    "html": (".html", ".htm", ".xhtml", ".xml", ".svg"),
    "csv": (".csv", ".tsv"),
    "mail": (".eml",),
    "mailbox": (".mbox", ".mbx"),
    "notebook": (".ipynb",),
    "code": (
        ".py", ".pyi", ".c", ".h", ".cc", ".cpp", ".hpp", ".cs", ".go", ".java", ".js", ".jsx", ".kt",
        ".lua", ".m", ".php", ".pl", ".r", ".rb", ".rs", ".scala", ".sh", ".sql", ".swift", ".ts",
        ".tsx", ".zig",
    ),
}  # fmt: skip
_OF_SUFFIX = {suffix: name for name, suffixes in _BY_SUFFIX.items() for suffix in suffixes}
_CONTAINERS = {
    ".pdf": "pdf", ".docx": "docx", ".docm": "docx", ".odt": "odt", ".ods": "ods", ".odp": "odp",
    ".epub": "epub", ".xlsx": "xlsx", ".xlsm": "xlsx", ".pptx": "pptx", ".pptm": "pptx",
    ".ppsx": "pptx", ".msg": "msg", ".rtf": "rtf",
}  # fmt: skip
"""Formats that are known by their content; a name alone makes none."""
_PARTS = {
    r"word/document\d*\.xml": "docx",
    r"xl/workbook\.xml": "xlsx",
    r"ppt/presentation\.xml": "pptx",
    r"META-INF/container\.xml": "epub",
}
"""A part that only this format has."""
_OPEN_DOCUMENT = re.compile(rb"application/vnd\.oasis\.opendocument\.([a-z]+)(?:-template)?")
_OPEN_FORMATS = {"text": "odt", "spreadsheet": "ods", "presentation": "odp"}
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLD = {".doc": ".docx", ".dot": ".docx", ".xls": ".xlsx", ".ppt": ".pptx", ".pps": ".pptx"}
_HEAD = 8192
_HEADER = re.compile(rb"[A-Za-z][A-Za-z0-9-]{1,60}:[ \t]")


def find_format(raw: Raw) -> str:
    """Raises `Refused` for what is none, `Unreadable` for a file that is not what its name says."""
    if b"%PDF-" in raw.data[:1024]:
        return "pdf"
    if raw.data.startswith(b"PK\x03\x04"):
        return _in_archive(raw)
    if raw.data.startswith(b"{\\rt"):
        return "rtf"
    if raw.data.startswith(_OLE):
        return _in_ole(raw)
    if raw.suffix in _CONTAINERS and raw.data:
        name = _CONTAINERS[raw.suffix].upper()
        raise Unreadable(f"is named {raw.suffix}, but is no {name}, or damaged at its beginning")
    if raw.suffix == ".eml" and _HEADER.match(raw.data):  # its parts may be sent as they are
        return "mail"
    if is_binary(raw.data[:_HEAD]):
        raise Refused(f"binary data, not text: no known format ({raw.suffix or 'no suffix'})")
    return _OF_SUFFIX.get(raw.suffix, "text")


def parser_of(name: str) -> Callable[[Raw], Iterator[Section]]:
    """Imported when it is first needed."""
    module = importlib.import_module(f"localcollab.documents.parsing.{name}")
    parse: Callable[[Raw], Iterator[Section]] = module.parse
    return parse


def _in_archive(raw: Raw) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(raw.data)) as archive:
            names = set(archive.namelist())
            kind = archive.read("mimetype")[:100] if "mimetype" in names else b""
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        ValueError,
        RuntimeError,
        OSError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
    ) as error:
        raise Unreadable(f"a damaged archive ({error})") from error
    for path, format_ in _PARTS.items():
        if any(re.fullmatch(path, name) for name in names):
            return format_
    if "content.xml" in names:
        found = _OPEN_DOCUMENT.fullmatch(kind.strip())
        if found is None:
            return "odt"
        if found[1].decode() in _OPEN_FORMATS:
            return _OPEN_FORMATS[found[1].decode()]
    raise Refused(f"an archive of no known format ({raw.suffix or 'no suffix'})")


def _in_ole(raw: Raw) -> str:
    if raw.suffix in _OLD:
        raise Refused(f"an old Office file ({raw.suffix}): save it as {_OLD[raw.suffix]}")
    if raw.suffix in _CONTAINERS and raw.suffix != ".msg":
        raise Unreadable("is encrypted: save it without a password")
    return "msg"
