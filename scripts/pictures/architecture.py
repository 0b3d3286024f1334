"""The layers as a picture, drawn from the import contracts: docs/architecture.svg.

    python scripts/pictures/architecture.py

Reads `[tool.importlinter]` of pyproject.toml; whoever changes a contract draws the picture again.
"""

import os
import tomllib
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "architecture.svg"
WIDTH, MARGIN, ROW, GAP = 720, 16, 34, 10
_FILES = "#e8eef7"
_ROOMS = "#d5e8d4"
_PACKAGES = "#ffe6cc"


def read_layers(pyproject: Path) -> tuple[list[list[str]], list[list[str]]]:
    """Packages and the runtime's rooms, from the top layer down; what is side by side stays together."""
    contracts = tomllib.loads(pyproject.read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    by_id = {contract["id"]: contract["layers"] for contract in contracts if "layers" in contract}
    packages, rooms = (
        [[name.strip(" ()") for name in layer.replace(":", "|").split("|")] for layer in by_id[key]]
        for key in ("packages", "layers")
    )
    return packages, rooms


def draw(packages: list[list[str]], rooms: list[list[str]], files: set[str]) -> str:
    """`files`: the rooms that are one file of their own."""
    shapes: list[str] = []
    top = MARGIN
    for layer in packages[:-1]:
        shapes += _row(layer, top, dict.fromkeys(layer, _PACKAGES))
        top += ROW + GAP
    frame = top + GAP
    top = frame + ROW
    for layer in rooms:
        shapes += _row(layer, top, {name: _FILES if name in files else _ROOMS for name in layer})
        top += ROW + GAP
    name = packages[-1][0]
    shapes.insert(0, _box(MARGIN, frame, WIDTH - 2 * MARGIN, top - frame, "none"))
    shapes.append(_text(WIDTH / 2, frame + ROW / 2, name))
    shapes.append(_arrow_down(top - GAP))
    height = top + MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" font-family="monospace" font-size="14">\n'
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>\n'
        + "\n".join(shapes)
        + "\n</svg>\n"
    )


def _row(names: list[str], top: float, colours: dict[str, str]) -> list[str]:
    left, inner = 3.0 * MARGIN, WIDTH - 6.0 * MARGIN
    width = (inner - GAP * (len(names) - 1)) / len(names)
    shapes: list[str] = []
    for name in names:
        shapes += [
            _box(left, top, width, ROW, colours[name]),
            _text(left + width / 2, top + ROW / 2, name),
        ]
        left += width + GAP
    return shapes


def _box(left: float, top: float, width: float, height: float, fill: str) -> str:
    return (
        f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" rx="4" '
        f'fill="{fill}" stroke="#666"/>'
    )


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:g}" y="{y + 5:g}" text-anchor="middle">{escape(text)}</text>'


def _arrow_down(bottom: float) -> str:
    """Imports point downwards only."""
    x = 2 * MARGIN
    return (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#666"/></marker></defs>'
        f'<line x1="{x}" y1="{MARGIN}" x2="{x}" y2="{bottom:g}" stroke="#666" '
        'marker-end="url(#tip)"/>'
    )


def picture() -> str:
    packages, rooms = read_layers(ROOT / "pyproject.toml")
    runtime = ROOT / packages[-1][0]
    names = {name for layer in rooms for name in layer}
    return draw(packages, rooms, {name for name in names if (runtime / f"{name}.py").exists()})


def main() -> None:
    partial = PICTURE.with_name(PICTURE.name + ".partial")
    partial.write_text(picture(), encoding="utf-8")
    os.replace(partial, PICTURE)


if __name__ == "__main__":
    main()
