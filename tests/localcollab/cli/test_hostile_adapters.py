"""LoRA adapters: whatever is in one, the command line ends with a line or an answer."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from adapter_damage import ADAPTER_DAMAGES, packed_adapter, sound_adapter
from hostile import Case, complaints, run_cases
from small_gguf import STRING, small_llama

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


def test_in_an_archive_it_ends_the_check_in_one_line(base: Path, tmp_path: Path) -> None:
    alpha = sound_adapter().with_key("adapter.lora.alpha", STRING, "a b")
    catalog = Path(case_of("alpha", alpha.to_bytes(), base, tmp_path).arguments[2])
    archive = tmp_path / "one.tar"
    commands = {
        "export": ["export", "one", "--models", str(catalog), "--out", str(archive)],
        "import": ["import", str(archive)], "check": ["check", "one"],
    }  # fmt: skip
    codes, outcome = [], None
    for name, arguments in commands.items():
        outcome = run_cases([Case(name, ["teams", *arguments])], tmp_path / "runs")[0]
        codes.append(outcome.code)
    assert outcome is not None
    assert codes == [0, 0, 1]
    wrong = [line for line in outcome.out.splitlines() if "WRONG" in line]
    assert len(wrong) == 1
    assert re.search(r"alpha\.gguf: the key adapter\.lora\.alpha is a string, .* again$", wrong[0])
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize("name", ["a64", "a167"])
def test_adapters_that_ended_the_process_are_refused(
    name: str, stories: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    shapes = {"lora_a": (4, 64), "lora_b": (64, 4)}
    tensors = {f"blk.0.attn_q.weight.{k}": rng.normal(0, 1, s) for k, s in shapes.items()}
    sound = packed_adapter(tensors)
    if name == "a64":
        damaged = sound.with_key("adapter.lora.alpha", STRING, "a b")
    else:
        damaged = replace(sound, entries=(sound.entries[0]._replace(type=26), sound.entries[1]))
    cases = [
        case_of("sound", sound.to_bytes(), stories, tmp_path),
        case_of(name, damaged.to_bytes(), stories, tmp_path),
    ]
    outcomes = run_cases(cases, tmp_path / "runs")
    assert not complaints(outcomes)
    assert [outcome.code for outcome in outcomes] == [0, 1]
