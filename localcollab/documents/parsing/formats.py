"""Which format a file is: by its content where that is plain, else by its name."""

import importlib
import io
import re
import zipfile
from collections.abc import Callable, Iterator

from localcollab.documents.parsing.raw import Raw, is_binary
from localcollab.documents.parsing.section import Refused, Section, Unreadable

VERSION = 2
"""Of all parsers: raised when one of them reads differently, so that `sync` reads again."""

_BY_SUFFIX = {
    "markdown": (".md", ".markdown", ".mdx"),
    "restructuredtext": (".rst", ".rest"),
    "html": (".html", ".htm", ".xhtml", ".xml", ".svg"),
    "csv": (".csv", ".tsv"),
    "mail": (".eml",),
    "mailbox": (".mbox", ".mbx"),
    "code": (
        ".py", ".pyi", ".c", ".h", ".cc", ".cpp", ".hpp", ".cs", ".go", ".java", ".js", ".jsx", ".kt",
        ".lua", ".m", ".php", ".pl", ".r", ".rb", ".rs", ".scala", ".sh", ".sql", ".swift", ".ts",
        ".tsx", ".zig",
    ),
}  # fmt: skip
_OF_SUFFIX = {suffix: name for name, suffixes in _BY_SUFFIX.items() for suffix in suffixes}
_CONTAINERS = {".pdf": "pdf", ".docx": "docx", ".odt": "odt", ".epub": "epub"}
"""Formats that are known by their content; a name alone makes none."""
_WORD = re.compile(r"word/document\d*\.xml")
_HEAD = 8192


def find_format(raw: Raw) -> str:
    """Raises `Refused` for what is none, `Unreadable` for a file that is not what its name says."""
    if b"%PDF-" in raw.data[:1024]:
        return "pdf"
    if raw.data.startswith(b"PK\x03\x04"):
        return _container(raw)
    if raw.suffix in _CONTAINERS and raw.data:
        name = _CONTAINERS[raw.suffix].upper()
        raise Unreadable(f"is named {raw.suffix}, but is no {name}, or damaged at its beginning")
    if is_binary(raw.data[:_HEAD]):
        raise Refused(f"binary data, not text: no known format ({raw.suffix or 'no suffix'})")
    return _OF_SUFFIX.get(raw.suffix, "text")


def parser_of(name: str) -> Callable[[Raw], Iterator[Section]]:
    """Imported when it is first needed."""
    module = importlib.import_module(f"localcollab.documents.parsing.{name}")
    parse: Callable[[Raw], Iterator[Section]] = module.parse
    return parse


def _container(raw: Raw) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(raw.data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise Unreadable(f"a damaged archive ({error})") from error
    if any(_WORD.fullmatch(name) for name in names):
        return "docx"
    if "META-INF/container.xml" in names:
        return "epub"
    if "content.xml" in names and raw.suffix not in (".ods", ".odp", ".odg"):
        return "odt"
    raise Refused(f"an archive of no known format ({raw.suffix or 'no suffix'})")
