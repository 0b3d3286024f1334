"""A collection of an earlier release: what its parsers read is read again by today's."""

import sqlite3
from contextlib import closing
from pathlib import Path

from document_files import docx_with
from localcollab.documents.collection import Collection
from localcollab.documents.parsing import formats
from localcollab.documents.records import Tally

RELEASED = 2
"""The parsers of 0.2.0, which read no automatic numbers."""


def test_a_file_that_older_parsers_read_is_read_again_although_it_did_not_change(
    tmp_path: Path,
) -> None:
    (tmp_path / "prices.csv").write_text("Name;Rent\nAnna;1,50\n")
    collection = Collection(tmp_path / "c.sqlite3")
    collection.add([tmp_path / "prices.csv"])
    with closing(sqlite3.connect(tmp_path / "c.sqlite3")) as connection, connection:
        # The stamp begins with the version of the parsers.
        stamp = f"{formats.VERSION - 1} as it was"
        connection.execute("UPDATE documents SET stamp = ?, error = 'read as Latin-1'", (stamp,))
    assert collection.sync() == Tally(changed=1)
    (document,) = collection.documents()
    assert document.error == ""
    (passage,) = collection.passages(document)
    assert passage.text == "Name: Anna; Rent: 1,50\n\n"
    collection.close()


def test_a_list_that_the_last_release_read_without_its_numbers_gets_them(tmp_path: Path) -> None:
    numbering = (
        '<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:start w:val="4"/>'
        '<w:numFmt w:val="lowerLetter"/><w:lvlText w:val="(%1)"/></w:lvl></w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    )
    item = "<w:p><w:pPr><w:numPr><w:numId w:val='1'/></w:numPr></w:pPr><w:r><w:t>Rent</w:t></w:r></w:p>"
    (tmp_path / "terms.docx").write_bytes(docx_with({"numbering": numbering}, item))
    collection = Collection(tmp_path / "c.sqlite3")
    collection.add([tmp_path / "terms.docx"])
    with closing(sqlite3.connect(tmp_path / "c.sqlite3")) as connection, connection:
        (stamp,) = connection.execute("SELECT stamp FROM documents").fetchone()
        connection.execute(
            "UPDATE documents SET stamp = ?", (f"{RELEASED} {stamp.partition(' ')[2]}",)
        )
        connection.execute("UPDATE passages SET text = 'Rent'")
    assert collection.sync() == Tally(changed=1)
    (passage,) = collection.passages(*collection.documents())
    assert passage.text == "(d) Rent\n"
    collection.close()
