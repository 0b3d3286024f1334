"""How the code is laid out: a report that scripts/check prints, never a limit.

    python scripts/layout.py [--longest 5]

Lines are counted as they are written, blank ones and docstrings too; a nested function counts in itself
and in the function around it.
"""

import argparse
import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGES = ("localcollab", "convert/localcollab_convert", "tui/localcollab_tui")
LONG_FUNCTION = 40


class Function(NamedTuple):
    place: str
    """`path:line name`."""
    n_lines: int


class File(NamedTuple):
    path: Path
    n_lines: int
    functions: list[Function]


def read_package(folder: Path) -> list[File]:
    return [_read_file(path) for path in sorted(folder.rglob("*.py"))]


def _read_file(path: Path) -> File:
    source = path.read_text(encoding="utf-8")
    return File(path, source.count("\n"), list(_functions(path, ast.parse(source))))


def _functions(path: Path, tree: ast.Module) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            place = f"{path}:{node.lineno} {node.name}"
            yield Function(place, node.end_lineno - node.lineno + 1)


def summarize(folder: Path, files: list[File]) -> str:
    """One row: a package's rooms are its folders; __init__ files are not counted among its files."""
    named = [file for file in files if file.path.name != "__init__.py"]
    functions = [function.n_lines for file in files for function in file.functions]
    beside = sum(file.path.parent == folder for file in named)
    rooms = sum((child / "__init__.py").exists() for child in folder.iterdir())
    return (
        f"{folder.name:<20} {len(named):>5} {median(file.n_lines for file in named):>11.0f} "
        f"{median(functions):>15.0f} {sum(n > LONG_FUNCTION for n in functions):>7} "
        f"{max(file.n_lines for file in files):>12} {rooms:>6} {beside:>13}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--longest", type=int, default=5, help="how many of the longest files to name"
    )
    n_longest = parser.parse_args().longest
    packages = {ROOT / name: read_package(ROOT / name) for name in PACKAGES}
    print(
        f"{'package':<20} files median file median function over {LONG_FUNCTION} "
        "longest file  rooms files beside"
    )
    for folder, files in packages.items():
        print(summarize(folder, files))
    everything = [file for files in packages.values() for file in files]
    print("longest files:")
    for file in sorted(everything, key=lambda file: -file.n_lines)[:n_longest]:
        print(f"  {file.n_lines:>4} {file.path.relative_to(ROOT)}")
    print(f"functions over {LONG_FUNCTION} lines:")
    for function in (f for file in everything for f in file.functions if f.n_lines > LONG_FUNCTION):
        print(f"  {function.n_lines:>4} {Path(function.place).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
