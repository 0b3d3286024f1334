"""What ships is copied whole, by the manifest, and the rival stays outside."""

import hashlib
import json
from pathlib import Path

import pytest

from demo.ship import ship

MADE = {"base.gguf": b"base", "test.jsonl": b"{}", "rival.gguf": b"rival"}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    folder.mkdir()
    for name, content in MADE.items():
        (folder / name).write_bytes(content)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in MADE.items()}
    (folder / "manifest.json").write_text(json.dumps({"seed": 0, "sha256": hashes}))
    return folder


def test_all_but_the_rival_ships(made: Path, tmp_path: Path) -> None:
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    ship(made, shipped)
    manifest = json.loads((shipped / "manifest.json").read_text())
    assert {path.name for path in shipped.iterdir()} == {"base.gguf", "test.jsonl", "manifest.json"}
    assert set(manifest["sha256"]) == {"base.gguf", "test.jsonl"}
    assert manifest["beside"] == {"rival.gguf": hashlib.sha256(b"rival").hexdigest()}


def test_a_changed_file_does_not_ship(made: Path, tmp_path: Path) -> None:
    (made / "base.gguf").write_bytes(b"another")
    with pytest.raises(SystemExit, match="not the file of the manifest"):
        ship(made, tmp_path)
