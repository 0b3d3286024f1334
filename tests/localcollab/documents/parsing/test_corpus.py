"""Documents as people have them: what stands in them is found, and no value under another header."""

import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from document_corpus import Made, by_libreoffice, mail, written_by_hand
from documents_read import text_of
from table_files import cells_of

_LEAST = 0.98


def test_documents_written_by_hand_and_mail_are_read() -> None:
    made = [*written_by_hand(), *mail()]
    assert len(made) >= 40
    _check(made)


@pytest.mark.slow
def test_documents_of_libreoffice_are_read(tmp_path: Path) -> None:
    soffice = shutil.which("soffice")
    if soffice is None:
        pytest.skip("LibreOffice (soffice) is not installed")
    made = list(by_libreoffice(tmp_path / "made", soffice))
    assert len(made) >= 30
    _check(made)


def _check(made: Sequence[Made]) -> None:
    """All facts together: at least 98 in 100 are found, and nothing stands under a wrong header."""
    n_facts, missing, wrong = 0, [], []
    for each in made:
        text = text_of(each.data, "." + each.name.rpartition(".")[2])
        words = " ".join(text.split())
        n_facts += len(each.expected.said)
        missing += [(each.name, said) for said in each.expected.said if said not in words]
        if not each.expected.table:
            continue
        facts = list(_facts(each.expected.table))
        n_facts += len(facts)
        for row, header, value in facts:
            if not each.expected.has_columns:
                missing += [] if value in words else [(each.name, value)]
                continue
            found = _headers_of(text, each.expected.table[0], row, value)
            missing += [] if header in found else [(each.name, f"{row}/{header}: {value}")]
            wrong += [(each.name, row, header, value, found)] if found - {header} else []
    print(f"{len(made)} documents, {n_facts} facts, {len(missing)} missing, {len(wrong)} misplaced")
    assert wrong == []
    assert 1 - len(missing) / n_facts >= _LEAST, missing


def _facts(table: Sequence[Sequence[str]]) -> Iterable[tuple[str, str, str]]:
    for row in table[1:]:
        for header, value in zip(table[0], row, strict=True):
            if value:
                yield row[0], header, value


def _headers_of(text: str, header: Sequence[str], row: str, value: str) -> set[str]:
    """Under which headers the value stands in the lines of its row."""
    columns: list[str] = []
    found = set()
    for line in text.splitlines():
        cells = cells_of(line)
        if [cell for cell in cells if cell] == list(header):
            columns = cells
        elif columns and cells[0] == row:
            found |= {name for name, cell in zip(columns, cells, strict=False) if cell == value}
        elif line.startswith(f"{header[0]}: {row}"):
            pairs = (pair.partition(": ") for pair in re.split(r"; (?=[^;]*: )", line))
            found |= {name for name, _, cell in pairs if cell == value}
    return found
