"""Members that do not fit together: the process never takes more than its budget."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from big_gguf import Q8_0, Shape, write_big

pytestmark = pytest.mark.slow

SHAPE = Shape(8, 768, 2048, 8, 8, Q8_0)
OPTIONS = {"n_ctx": 256, "n_batch": 64, "n_ubatch": 64}
MIB = 2**20


def child(**request: object) -> dict[str, Any]:
    script = Path(__file__).parents[2] / "blend_memory.py"
    found = subprocess.run(
        [sys.executable, str(script), json.dumps({"options": OPTIONS, **request})],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    answer: dict[str, Any] = json.loads(found.stdout)
    return answer


def test_three_members_of_which_one_fits_answer_within_the_budget(tmp_path: Path) -> None:
    files = [str(write_big(tmp_path / f"m{n}.gguf", SHAPE, seed=n)) for n in range(3)]
    needs = child(files=files, budget=None)
    sizes = list(needs["teams"].values())
    # What is foretold is off by a tenth at most, and two members take nearly twice as much.
    budget = int(1.1 * (needs["runtime"] + max(sizes)))
    assert budget < needs["runtime"] + sum(sorted(sizes)[:2])
    found = child(files=files, budget=budget)
    print(
        f"budget {budget / MIB:.0f} MiB, peak {found['peak'] / MIB:.0f}, all {sum(sizes) / MIB:.0f}"
    )
    assert found["peak"] <= budget
    assert found["reasons"] == ["max_tokens"] * 3
    assert len(found["held"]) == 1
    roomy = child(files=files, budget=10 * budget)
    assert len(roomy["held"]) == 3
    assert roomy["peak"] > budget
