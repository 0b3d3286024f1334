"""A short run of what `scripts/fuzz` does for as long as asked, with another seed each day."""

import time
from pathlib import Path

import pytest

from fuzz_readers import READERS
from fuzz_tally import Tally
from fuzzing import KINDS, Children, count_answer, fuzz

pytestmark = [pytest.mark.weights, pytest.mark.slow]
SECONDS = 50
"""Of all kinds together; each one's turn begins in another place each day, should time run out."""


def test_nothing_ends_badly(tmp_path: Path) -> None:
    seed = int(time.time() // 86_400)
    first = seed % len(KINDS)
    lines = list(fuzz([*KINDS[first:], *KINDS[:first]], seed, SECONDS, tmp_path))
    print(f"seed {seed}", *lines, sep="\n")
    assert lines[-1] == "clean", lines


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("signal", "signals"), ("hang", "hangs"), ("error", "tracebacks"), ("memory", "memory"),
        ("too much memory", "memory"), ("refused", None), ("accepted", None),
    ],
)  # fmt: skip
def test_each_bad_end_is_counted_as_what_it_is(
    text: str, counted: str | None, tmp_path: Path
) -> None:
    reader, tally = READERS["broken"], Tally()
    children = Children(tmp_path / "child", reader.memory_bytes, seconds=3.0)
    path = tmp_path / "file"
    path.write_text(text)
    try:
        count_answer(children.ask("broken", path), tally, reader.peak_bytes)
        # The next file is read whatever became of the child.
        path.write_text("accepted")
        count_answer(children.ask("broken", path), tally, reader.peak_bytes)
    finally:
        children.close()
    found = {
        name: getattr(tally, name)
        for name in ("signals", "hangs", "tracebacks", "memory")
        if getattr(tally, name)
    }
    assert found == ({counted: 1} if counted else {})
    assert tally.executions == 2
