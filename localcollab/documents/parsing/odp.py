"""ODP: one section a slide, with its tables and notes."""

from collections.abc import Iterator

from localcollab.documents.parsing.blocks import Block
from localcollab.documents.parsing.markup import Archive
from localcollab.documents.parsing.odf import Reader
from localcollab.documents.parsing.raw import Raw
from localcollab.documents.parsing.section import Section


def parse(raw: Raw) -> Iterator[Section]:
    pages: list[tuple[str, list[Block]]] = []
    Reader(lambda name, blocks: pages.append((name, blocks))).read(Archive(raw).read("content.xml"))
    for number, (_, blocks) in enumerate(pages, 1):
        text = "".join(f"{b.text}\n" if b.is_tight else f"{b.text}\n\n" for b in blocks)
        title = " ".join(blocks[0].text.split())[:200] if blocks else ""
        yield Section(text, number, title)
