"""EPUB: the chapters in the order of the spine, each read as HTML."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from localcollab.documents.parsing import html
from localcollab.documents.parsing.blocks import to_sections
from localcollab.documents.parsing.markup import Archive, read_xml
from localcollab.documents.parsing.raw import Raw, decode
from localcollab.documents.parsing.section import Outline, Refused, Section, Unreadable


@dataclass(slots=True)
class _Package:
    title: str = ""
    hrefs: dict[str, str] = field(default_factory=dict)
    spine: list[str] = field(default_factory=list)


def parse(raw: Raw) -> Iterator[Section]:
    archive = Archive(raw)
    root = _root(archive)
    package = _package(archive.read(root))
    outline = Outline()
    outline.enter(0, package.title)
    for id_ in package.spine:
        name = posixpath.normpath(
            posixpath.join(posixpath.dirname(root), package.hrefs.get(id_, ""))
        )
        try:
            text = decode(raw, archive.read(name))
        except Unreadable:
            raw.notes.append(f"a chapter is missing or damaged ({name[:100]})")
            continue
        except Refused as error:
            if "unpacks" in str(error):
                raise
            raw.notes.append(f"a chapter is encrypted or no text ({name[:100]})")
            continue
        yield from to_sections(html.blocks(text, raw.notes), outline)


def _root(archive: Archive) -> str:
    found: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == "rootfile":
            found.append(attributes.get("full-path", ""))

    read_xml(archive.read("META-INF/container.xml"), start, lambda _: None, lambda _: None)
    if not found:
        raise Unreadable("names no content")
    return found[0]


def _package(data: bytes) -> _Package:
    package = _Package()
    in_title = False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal in_title
        in_title = name == "title" and not package.title
        if name == "item":
            package.hrefs[attributes.get("id", "")] = unquote(attributes.get("href", ""))
        elif name == "itemref":
            package.spine.append(attributes.get("idref", ""))

    def end(_: str) -> None:
        nonlocal in_title
        in_title = False

    def text(data: str) -> None:
        if in_title:
            package.title += data

    read_xml(data, start, end, text)
    return package
