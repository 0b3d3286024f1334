"""What DOCX, XLSX and PPTX share: parts that refer to each other by relationships."""

import posixpath
from collections.abc import Iterator
from typing import NamedTuple

from localcollab.documents.parsing.markup import Archive, read_xml


class Relation(NamedTuple):
    kind: str
    """The last word of its type: `header`, `footnotes`, `worksheet`."""
    part: str


def relations(archive: Archive, part: str) -> dict[str, Relation]:
    """Of a part, by id; what lies outside the file or is not there is left out."""
    folder, name = posixpath.split(part)
    path = f"{folder}/_rels/{name}.rels" if folder else f"_rels/{name}.rels"
    found: dict[str, Relation] = {}
    if path not in archive.names:
        return found

    def start(name: str, attributes: dict[str, str]) -> None:
        if name != "Relationship" or attributes.get("TargetMode") == "External":
            return
        target = attributes.get("Target", "")
        absolute = target.startswith("/")
        joined = target[1:] if absolute else posixpath.normpath(posixpath.join(folder, target))
        if joined in archive.names:
            kind = attributes.get("Type", "").rpartition("/")[2]
            found[attributes.get("Id", "")] = Relation(kind, joined)

    read_xml(archive.read(path), start, lambda _: None, lambda _: None)
    return found


def of_kind(related: dict[str, Relation], kind: str) -> Iterator[str]:
    return (relation.part for relation in related.values() if relation.kind == kind)


def main_part(archive: Archive, otherwise: str) -> str:
    """The one that the package names, which need not have the usual name."""
    return next(of_kind(relations(archive, ""), "officeDocument"), otherwise)


def flag(attributes: dict[str, str], name: str = "val") -> bool:
    """Of an element that switches something on by being there."""
    return attributes.get(name, "1") not in ("0", "false", "off", "none")
