"""Equal heads are equal bytes, in whatever process they are written."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from localcollab.methods.heads import Head, HeadMetadata, load_head, save_head

HEAD = Head({"weight": np.ones((1, 3), np.float32), "bias": np.zeros(1, np.float32)},
            HeadMetadata("a", ("b",), "v", "d"))  # fmt: skip


def test_equal_heads_are_equal_bytes(tmp_path: Path) -> None:
    found = set()
    for n in range(8):
        save_head(HEAD, tmp_path / f"{n}.safetensors")
        found.add((tmp_path / f"{n}.safetensors").read_bytes())
    assert len(found) == 1


def test_a_head_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    save_head(HEAD, tmp_path / "head.safetensors")
    read = load_head(tmp_path / "head.safetensors")
    assert read.metadata == HEAD.metadata
    assert {k: v.tolist() for k, v in read.tensors.items()} == {
        k: v.tolist() for k, v in HEAD.tensors.items()
    }


def test_the_command_line_module_does_not_import_torch() -> None:
    root = Path(__file__).parents[3]
    code = "import sys, localcollab_convert.cli; sys.exit('torch' in sys.modules)"
    paths = os.pathsep.join((str(root), str(root / "convert")))
    child = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": paths})
    assert child.returncode == 0
