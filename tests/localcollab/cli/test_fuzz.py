"""A short run of what `scripts/fuzz` does for as long as asked, with another seed each day."""

import time
from pathlib import Path

import pytest

from fuzzing import KINDS, fuzz

pytestmark = [pytest.mark.weights, pytest.mark.slow]
SECONDS = 50
"""Of all kinds together; each one's turn begins in another place each day, should time run out."""


def test_nothing_ends_badly(tmp_path: Path) -> None:
    seed = int(time.time() // 86_400)
    first = seed % len(KINDS)
    lines = list(fuzz([*KINDS[first:], *KINDS[:first]], seed, SECONDS, tmp_path))
    print(f"seed {seed}", *lines, sep="\n")
    assert lines[-1] == "clean", lines
