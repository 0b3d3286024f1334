"""DOCX: body, headers and footers at their section, notes and comments after their paragraph."""

import re
from collections.abc import Iterator

from localcollab.documents.parsing.blocks import Block, to_sections
from localcollab.documents.parsing.markup import Archive
from localcollab.documents.parsing.ooxml import Relation, main_part, of_kind, relations
from localcollab.documents.parsing.raw import Raw
from localcollab.documents.parsing.section import Section
from localcollab.documents.parsing.word_styles import Styles, read_styles
from localcollab.documents.parsing.wordprocessing import NoteParts, Notes, Story

_NOTES = ("footnotes", "endnotes", "comments")
_UNREAD = {"embeddings/": "embedded", "charts/chart": "chart", "diagrams/data": "diagram"}


def parse(raw: Raw) -> Iterator[Section]:
    archive = Archive(raw)
    main = main_part(archive, _main_by_name(archive))
    related = relations(archive, main)
    styles = read_styles(
        _first_part(archive, main, related, "styles"),
        _first_part(archive, main, related, "numbering"),
    )
    notes = NoteParts(styles)
    for part in _parts(archive, main, related, _NOTES):
        notes.read(archive.read(part))
    body = _Body(archive, main, related, styles, notes.found)
    yield from to_sections(body.blocks())
    _note(raw, archive, body)


def _main_by_name(archive: Archive) -> str:
    found = (name for name in archive.names if re.fullmatch(r"word/document\d*\.xml", name))
    return min(found, default="word/document.xml")


def _parts(
    archive: Archive, main: str, related: dict[str, Relation], kinds: tuple[str, ...]
) -> list[str]:
    """Those referred to, then those that are there under their usual names."""
    folder = main.rpartition("/")[0]
    named = [
        name for name in sorted(archive.names)
        if re.fullmatch(rf"{re.escape(folder)}/(?:{'|'.join(kinds)})\d*\.xml", name)
    ]  # fmt: skip
    return list(dict.fromkeys([*(p for kind in kinds for p in of_kind(related, kind)), *named]))


def _first_part(
    archive: Archive, main: str, related: dict[str, Relation], kind: str
) -> bytes | None:
    found = _parts(archive, main, related, (kind,))
    return archive.read(found[0]) if found else None


def _note(raw: Raw, archive: Archive, body: "_Body") -> None:
    if body.n_hidden:
        raw.notes.append(f"{body.n_hidden} characters of hidden text were not read")
    if body.n_foreign:
        raw.notes.append(f"{body.n_foreign} parts in another format were not read")
    for path, what in _UNREAD.items():
        n = sum(path in name and not name.endswith(".rels") for name in archive.names)
        if n:
            raw.notes.append(f"{n} {what} {'part was' if n == 1 else 'parts were'} not read")


class _Body(Story):
    """The main part, whose sections have headers and footers."""

    def __init__(
        self, archive: Archive, main: str, related: dict[str, Relation], styles: Styles,
        notes: Notes,
    ) -> None:  # fmt: skip
        super().__init__(styles, notes)
        self._archive, self._main, self._related = archive, main, related
        self._all_notes = notes
        self._margins = {
            kind: _parts(archive, main, related, (kind,)) for kind in ("header", "footer")
        }
        self._referred: list[str] = []
        self._is_section_over = False
        self._read: set[str] = set()
        self._said: set[str] = set()
        self._done: list[Block] = []

    def blocks(self) -> list[Block]:
        rest = self.read(self._archive.read(self._main))
        headers = self._margin("header", None)
        blocks = [*headers, *self._done, *rest]
        for key, note in self._all_notes.items():
            if key not in self.used:
                blocks += note
        return blocks + self._margin("footer", None)

    def on_start(self, name: str, attributes: dict[str, str]) -> None:
        if name in ("headerReference", "footerReference"):
            relation = self._related.get(attributes.get("id", ""))
            self._referred += [relation.part] if relation else []

    def on_end(self, name: str) -> None:
        if name == "sectPr":
            self._is_section_over = True
        if self._is_section_over and not self._paragraphs:
            self._end_section()

    def _end_section(self) -> None:
        headers = self._margin("header", self._referred)
        footers = self._margin("footer", self._referred)
        self._done += [*headers, *self.take(), *footers]
        self._referred, self._is_section_over = [], False

    def _margin(self, kind: str, among: list[str] | None) -> list[Block]:
        """Headers or footers that were not read yet; what several say alike is said once."""
        found = []
        for part in self._margins[kind] if among is None else among:
            if part in self._read or part not in self._margins[kind]:
                continue
            self._read.add(part)
            story = Story(self._styles, self._all_notes)
            for block in story.read(self._archive.read(part)):
                if block.text not in self._said:
                    self._said.add(block.text)
                    found.append(Block(block.text))
            self.used |= story.used
        return found
