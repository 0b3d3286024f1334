"""ODT: header, text and footer; foot- and endnotes and comments after their paragraph."""

from collections.abc import Iterator

from localcollab.documents.parsing.blocks import Block, to_sections
from localcollab.documents.parsing.markup import Archive, read_xml
from localcollab.documents.parsing.odf import Reader
from localcollab.documents.parsing.odf_lists import STYLES_OF_LISTS, Lists
from localcollab.documents.parsing.raw import Raw
from localcollab.documents.parsing.section import Section


def parse(raw: Raw) -> Iterator[Section]:
    archive = Archive(raw)
    lists = Lists()
    headers, footers = _margins(archive, lists)
    body = Reader(lists=lists).read(archive.read("content.xml"))
    yield from to_sections([*headers, *body, *footers])
    n = sum(name.startswith("Object ") and name.endswith("/content.xml") for name in archive.names)
    if n:
        raw.notes.append(f"{n} embedded {'part was' if n == 1 else 'parts were'} not read")


def _margins(archive: Archive, lists: Lists) -> tuple[list[Block], list[Block]]:
    """Headers and footers of all page styles; what several say alike is said once.

    `lists` gets the styles of the text's lists.
    """
    found: dict[str, list[Block]] = {"header": [], "footer": []}
    if "styles.xml" not in archive.names:
        return [], []
    reader, said, inside = _Margins(), set[str](), ""

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal inside
        if name in STYLES_OF_LISTS:
            lists.start(name, attributes)
        if name.startswith(("header", "footer")) and reader.in_masters:
            inside = name[:6]
            reader.take()
        reader.start(name, attributes, is_inside=bool(inside))

    def end(name: str) -> None:
        nonlocal inside
        reader.end(name, is_inside=bool(inside))
        if inside and name.startswith(inside) and reader.in_masters:
            for block in reader.take():
                if block.text not in said:
                    said.add(block.text)
                    found[inside].append(Block(block.text))
            inside = ""

    read_xml(archive.read("styles.xml"), start, end, reader.text)
    return found["header"], found["footer"]


class _Margins(Reader):
    """Only what stands in a page style's header or footer."""

    def __init__(self) -> None:
        super().__init__()
        self.in_masters = 0

    def start(self, name: str, attributes: dict[str, str], *, is_inside: bool) -> None:
        self.in_masters += name == "master-page"
        if is_inside:
            self._start(name, attributes)

    def end(self, name: str, *, is_inside: bool) -> None:
        self.in_masters -= name == "master-page"
        if is_inside:
            self._end(name)

    def text(self, data: str) -> None:
        self._text(data)
