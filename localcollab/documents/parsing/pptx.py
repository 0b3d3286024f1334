"""PPTX: one section a slide, under its title, with its tables, notes and comments."""

from collections.abc import Iterator

from localcollab.documents.parsing.blocks import Block
from localcollab.documents.parsing.drawingml import read_shapes, read_texts
from localcollab.documents.parsing.markup import Archive, read_xml
from localcollab.documents.parsing.ooxml import main_part, relations
from localcollab.documents.parsing.raw import Raw
from localcollab.documents.parsing.section import Outline, Section

_TITLES = ("title", "ctrTitle")
_SET_ONCE = ("ftr", "dt", "hdr")
"""The same on every slide, mostly."""


def parse(raw: Raw) -> Iterator[Section]:
    archive = Archive(raw)
    main = main_part(archive, "ppt/presentation.xml")
    related = relations(archive, main)
    said: set[str] = set()
    number = 0
    for id_ in _slide_ids(archive.read(main)):
        relation = related.get(id_)
        number += 1
        if relation is None:
            raw.note(f"slide {number} is missing")
            continue
        yield _section(archive, relation.part, number, said)
    n = sum("charts/chart" in name and not name.endswith(".rels") for name in archive.names)
    if n:
        raw.note(f"{n} {'chart was' if n == 1 else 'charts were'} not read")


def _slide_ids(data: bytes) -> list[str]:
    found: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == "sldId":
            found.append(attributes.get("id", ""))

    read_xml(data, start, lambda _: None, lambda _: None)
    return found


def _section(archive: Archive, part: str, number: int, said: set[str]) -> Section:
    outline = Outline()
    titles: list[Block] = []
    blocks: list[Block] = []
    for shape in read_shapes(archive.read(part)):
        text = " ".join(block.text for block in shape.blocks)
        if shape.placeholder == "sldNum" or (shape.placeholder in _SET_ONCE and text in said):
            continue
        said |= {text} if shape.placeholder in _SET_ONCE else set()
        (titles if shape.placeholder in _TITLES else blocks).extend(shape.blocks)
    outline.enter(1, " ".join(block.text for block in titles))
    blocks = [*titles, *blocks, *_beside(archive, part)]
    text = "".join(f"{block.text}\n" if block.is_tight else f"{block.text}\n\n" for block in blocks)
    return Section(text, number, str(outline))


def _beside(archive: Archive, part: str) -> Iterator[Block]:
    for kind, related in relations(archive, part).values():
        if kind == "diagramData":
            yield from read_texts(archive.read(related))
        elif kind == "comments":
            for block in read_texts(archive.read(related)):
                yield Block(f"Comment: {block.text}")
        elif kind == "notesSlide":
            shapes = read_shapes(archive.read(related))
            notes = [
                b.text for shape in shapes if shape.placeholder == "body" for b in shape.blocks
            ]
            if notes:
                yield Block("Notes: " + "\n".join(notes))
