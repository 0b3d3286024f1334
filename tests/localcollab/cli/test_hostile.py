"""Damaged model files: whatever is in a GGUF, the command line ends with a line or an answer."""

import re
from pathlib import Path

import numpy as np
import pytest

from damage import DAMAGES, silent_words
from hostile import Case, complaints, run_cases, run_command

pytestmark = [pytest.mark.weights, pytest.mark.slow]
N_CASES = 20
_ODD_TEXT = "The háčky of 漢字 🙂 \u200d<s></s><|end|>\t\n  12 thé \ufffd\u2581x"


def damaged_files(kind: str, folder: Path) -> list[Case]:
    rng = np.random.default_rng(list(kind.encode()))
    cases = []
    for n in range(N_CASES):
        path = folder / f"{kind}-{n}.gguf"
        path.write_bytes(DAMAGES[kind](rng, n))
        text = (_ODD_TEXT, "the inner tin")[n % 2]
        arguments = ["run", "--base", str(path), text, "--max-tokens", "12", "--json"]
        cases.append(
            Case(
                path.stem, arguments, names=rf"{re.escape(path.name)}|the context of", ends="either"
            )
        )
    return cases


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_model_file_is_an_error_or_harmless(kind: str, tmp_path: Path) -> None:
    cases = damaged_files(kind, tmp_path)
    assert not complaints(run_cases(cases, tmp_path / "runs"))
    assert not complaints([run_command(cases[0], tmp_path / "runs")])


def test_a_vocabulary_that_writes_nothing_is_an_error_or_harmless(tmp_path: Path) -> None:
    path = tmp_path / "silent.gguf"
    path.write_bytes(silent_words())
    arguments = ["run", "--base", str(path), "the inner tin", "--max-tokens", "3"]
    case = Case("silent", arguments, names="silent.gguf", ends="either")
    assert not complaints([run_command(case, tmp_path / "runs")])
