"""`localcollab convert` where its extra is not installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SHIPPED = Path(__file__).parents[2] / "localcollab" / "shipped" / "formulary"
BASE, TEXT = str(SHIPPED / "base.gguf"), str(SHIPPED / "talk.jsonl")
LACKING = (
    "import sys\nfor name in ('torch', 'transformers', 'gguf'):\n    sys.modules[name] = None\n"
)


@pytest.mark.parametrize(
    ("words", "package"),
    [
        (["head", "--data", TEXT, "--out", "head.safetensors"], "torch"),
        (["imatrix", BASE, "--text", TEXT, "--out", "imatrix.gguf"], "gguf"),
        (
            [
                "calm",
                "--anchor",
                BASE,
                "--augmenting",
                BASE,
                "--data",
                TEXT,
                "--out",
                "b.safetensors",
            ],
            "torch",
        ),
        (["ranker", "--data", TEXT, "--out", "ranker", "--from-scratch"], "transformers"),
    ],
)
def test_what_is_not_installed_is_one_line(tmp_path: Path, words: list[str], package: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(LACKING)
    paths = os.pathsep.join([str(tmp_path), *(path for path in sys.path if path)])
    child = subprocess.run(
        [sys.executable, "-m", "localcollab.cli.main", "convert", *words],
        capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert (child.returncode, child.stdout, child.stderr) == (
        1, "", f"localcollab: localcollab convert needs {package}: pip install 'localcollab[convert]'\n"
    )  # fmt: skip
