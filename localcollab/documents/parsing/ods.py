"""ODS: each sheet under its name, each row as `column: value`, the values as they are shown."""

from collections.abc import Iterator

from localcollab.documents.parsing.markup import Archive
from localcollab.documents.parsing.odf import Reader
from localcollab.documents.parsing.raw import Raw
from localcollab.documents.parsing.section import Section
from localcollab.documents.parsing.sheet import Sheet, sheet_paragraphs
from localcollab.documents.parsing.tables import Table


def parse(raw: Raw) -> Iterator[Section]:
    archive = Archive(raw)
    reader = _Sheets()
    reader.read(archive.read("content.xml"))
    for name, sheet, comments in reader.sheets:
        body = "".join(f"{each}\n\n" for each in (*sheet_paragraphs(sheet), *comments))
        if body:
            yield Section(f"Sheet: {name}\n\n{body}", heading=name[:200])
    n = sum(name.startswith("Object ") and name.endswith("/content.xml") for name in archive.names)
    if n:
        raw.note(f"{n} embedded {'part was' if n == 1 else 'parts were'} not read")


class _Sheets(Reader):
    covered_are_cells = True

    def __init__(self) -> None:
        super().__init__()
        self.sheets: list[tuple[str, Sheet, list[str]]] = []

    def on_table(self, name: str, table: Table) -> None:
        sheet = Sheet()
        for n, row in enumerate(table.rows):
            for column, cell in enumerate(row.cells):
                if not cell.blocks:
                    continue
                text = " ".join(" ".join(block.text.split()) for block in cell.blocks)
                sheet.rows.setdefault(n, {})[column] = text
                if cell.columns > 1 or cell.rows > 1:
                    area = (n, column, n + cell.rows - 1, column + cell.columns - 1)
                    sheet.merged.append(area)
        self.sheets.append((name, sheet, [block.text for block in self.take_floating()]))
