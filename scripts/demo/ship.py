"""From what was made to what ships: the files into the package, and the head made from them.

The rival stays outside; the manifest keeps its hash.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import localcollab

SHIPPED = Path(localcollab.__file__).parent / "shipped" / "formulary"
STAYS = "rival.gguf"
HEAD_OPTIONS = ("--hidden", "32", "--price", "0.05", "--calibrate-on", "200", "--seed", "0")


def ship(made: Path, shipped: Path = SHIPPED) -> None:
    """Copy by the manifest, checking every hash. Exits where a file is not the manifest's."""
    manifest = json.loads((made / "manifest.json").read_text("utf-8"))
    manifest["beside"] = {STAYS: manifest["sha256"].pop(STAYS)}
    for name, sha256 in manifest["sha256"].items():
        _copy(made / name, shipped / name, sha256)
    text = json.dumps(manifest, indent=1) + "\n"
    (shipped / "manifest.json").write_text(text, encoding="utf-8")


def make_head(work: Path, shipped: Path = SHIPPED) -> None:
    """`convert head` on the shipped files. Raises `CalledProcessError` where that fails."""
    command = [
        sys.executable,
        "-m",
        "localcollab.cli.main",
        "convert",
        "head",
        "--team",
        "formulary",
    ]
    train, valid = shipped / "head-train.jsonl", shipped / "head-valid.jsonl"
    command += ["--data", str(train), "--valid", str(valid), *HEAD_OPTIONS]
    command += ["--work", str(work), "--out", str(work / "head.safetensors")]
    subprocess.run(command, check=True)
    for name in ("head.safetensors", "head.curve.json"):
        _copy(work / name, shipped / name)


def _copy(source: Path, target: Path, sha256: str | None = None) -> None:
    if sha256 and hashlib.sha256(source.read_bytes()).hexdigest() != sha256:
        raise SystemExit(f"{source} is not the file of the manifest: make it again")
    partial = target.with_name(target.name + ".partial")
    shutil.copyfile(source, partial)
    os.replace(partial, target)
