"""Log-probabilities of given tokens: right, in blocks, and with memory that does not grow."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fakes import N_VOCAB, ScriptedModel
from localcollab.decoding.likelihood import read_gold, read_rows
from localcollab.language_model import Float32Array, rows_at_once

SCRIPT = Path(__file__).parents[3] / "scripts" / "experiments" / "scoring_speed.py"


class Random(ScriptedModel):
    """Logits that differ at every position."""

    def _row(self, n_tokens: int) -> np.ndarray:
        return np.random.default_rng(n_tokens).normal(size=N_VOCAB).astype(np.float32) * 5


def test_they_are_the_log_of_the_softmax() -> None:
    tokens = list(b"some text")
    gold = read_gold(Random(b""), tokens, range(1, len(tokens)), hidden=True)
    rows = np.array([Random(b"")._row(n) for n in range(1, len(tokens))], np.float64)
    p = np.exp(rows[np.arange(len(rows)), tokens[1:]]) / np.exp(rows).sum(axis=1)
    np.testing.assert_allclose(gold.logprobs, np.log(p), rtol=1e-5)
    assert gold.hidden is not None
    assert gold.hidden.shape == (8, 4)


def test_the_argmax_is_marked() -> None:
    gold = read_gold(ScriptedModel(b"ab"), list(b"xab."), (1, 2, 3))
    assert gold.is_argmax.tolist() == [True, True, False]


def test_a_long_text_is_read_in_blocks_that_leave_out_gaps() -> None:
    model = ScriptedModel(b"")
    read_gold(model, list(b"0123456789"), (1, 2, 3, 7, 9), n_rows=3)
    assert model.reads == [(3, 3), (9, 3)]


def test_blocks_change_nothing() -> None:
    tokens = list(b"any other text")
    whole = read_gold(Random(b""), tokens, range(1, len(tokens)))
    parts = read_gold(Random(b""), tokens, range(1, len(tokens)), n_rows=2)
    np.testing.assert_array_equal(whole.logprobs, parts.logprobs)


def test_rows_come_with_their_position() -> None:
    seen: list[tuple[int, int]] = []

    def note(position: int, logits: Float32Array, hidden: Float32Array | None) -> None:
        seen.append((position, int(logits.argmax())))

    read_rows(ScriptedModel(b"ab"), list(b"xab"), (1, 2), note)
    assert seen == [(1, ord("a")), (2, ord("b"))]


def test_a_block_has_64_mebibytes_in_whole_tiles() -> None:
    assert [rows_at_once(n) for n in (257, 49_152, 262_144, 1_000_000)] == [512, 256, 64, 64]


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.serial
def test_peak_memory_does_not_depend_on_the_length(gemma: Path) -> None:
    command = [sys.executable, str(SCRIPT), str(gemma), "--memory"]
    short, long = (
        int(subprocess.run([*command, n], capture_output=True, text=True, check=True).stdout)
        for n in ("200", "900")
    )
    assert abs(long - short) <= 10, f"{short} MiB for 200 tokens, {long} for 900"
