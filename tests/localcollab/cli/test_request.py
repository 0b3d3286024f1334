"""What `run` may be asked to answer from: a collection, or files."""

from pathlib import Path

import pytest

from localcollab.cli.request import Documents, documents_request
from localcollab.errors import BadOption


def test_files_are_opened_as_a_collection_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "contract.txt"
    file.write_text("The notice period is six weeks.")
    request = documents_request(None, [file], strict=True, way=None)
    assert request == Documents("", strict=True, files=(file,))
    library = request.open()
    with library.collection as collection:
        assert collection.path is None
        assert [hit.passage.document.path for hit in collection.search("notice")] == [file]
    assert (library.name, library.strict) == ("the attached files", True)


@pytest.mark.parametrize(
    ("collection", "files", "message"),
    [
        ("papers", ["a.txt"], "`docs` and `file` are given"),
        (None, [], "`strict` and `docs_as` need `docs` or `file`"),
    ],
)
def test_what_does_not_go_together_is_an_error(
    collection: str | None, files: list[str], message: str
) -> None:
    with pytest.raises(BadOption, match=message):
        documents_request(collection, list(map(Path, files)), strict=True, way=None)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    request = documents_request(None, [tmp_path / "none.txt"], strict=False, way=None)
    assert request is not None
    with pytest.raises(BadOption, match=r"none\.txt cannot be added"):
        request.open()
