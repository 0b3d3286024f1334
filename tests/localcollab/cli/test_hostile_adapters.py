"""LoRA adapters: whatever is in one, the command line ends with a line or an answer."""

import re
from pathlib import Path

import numpy as np
import pytest

from adapter_damage import ADAPTER_DAMAGES, sound_adapter
from hostile import Case, complaints, run_cases
from small_gguf import small_llama

pytestmark = [pytest.mark.weights, pytest.mark.slow]
N_CASES = 20
_CATALOG = """
[models.base]
path = {base!r}
[models.tuned]
weights_of = "base"
adapter = {adapter!r}
[teams.one]
method = "deferral"
base = "base"
experts = ["tuned"]
gate = "always"
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("base") / "base.gguf"
    path.write_bytes(small_llama().to_bytes())
    return path


def case_of(name: str, data: bytes, base: Path, folder: Path) -> Case:
    adapter, catalog = folder / f"{name}.gguf", folder / f"{name}.toml"
    adapter.write_bytes(data)
    catalog.write_text(_CATALOG.format(base=str(base), adapter=str(adapter)))
    arguments = [
        "run",
        "--models",
        str(catalog),
        "--team",
        "one",
        "the inner tin",
        "--max-tokens",
        "4",
    ]
    return Case(name, arguments, names=re.escape(adapter.name), ends="either")


@pytest.mark.parametrize("kind", ADAPTER_DAMAGES)
def test_a_damaged_adapter_is_an_error_or_harmless(kind: str, base: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(list(kind.encode()))
    files = [ADAPTER_DAMAGES[kind](rng, n) for n in range(N_CASES)]
    cases = [case_of(f"{kind}-{n}", data, base, tmp_path) for n, data in enumerate(files)]
    assert not complaints(run_cases(cases, tmp_path / "runs"))


def test_a_sound_adapter_gives_an_answer(base: Path, tmp_path: Path) -> None:
    case = case_of("sound", sound_adapter().to_bytes(), base, tmp_path)
    outcome = run_cases([case], tmp_path / "runs")[0]
    assert (outcome.code, outcome.out.strip() != "") == (0, True), outcome.err
