"""The layout report counts what a reader would count."""

from pathlib import Path

from layout import read_package, summarize


def test_files_functions_rooms_and_files_beside_them_are_counted(tmp_path: Path) -> None:
    package = tmp_path / "package"
    room = package / "room"
    room.mkdir(parents=True)
    for folder in (package, room):
        (folder / "__init__.py").write_text('"""What it does."""\n')
    long = "def long() -> None:\n" + "    pass\n" * 41
    (package / "beside.py").write_text(long)
    (room / "inside.py").write_text("def short() -> None:\n    pass\n" * 2)
    row = summarize(package, read_package(package)).split()
    # Files, median file of 42 and 4 lines, median function of 42, 2 and 2, one over 40, the longest
    # file, one room, one file beside it.
    assert row == ["package", "2", "23", "2", "1", "42", "1", "1"]
