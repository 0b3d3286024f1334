"""A collection of an earlier release: what its parsers read is read again by today's."""

import sqlite3
from contextlib import closing
from pathlib import Path

from localcollab.documents.collection import Collection
from localcollab.documents.parsing import formats
from localcollab.documents.records import Tally


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
