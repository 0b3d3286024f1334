"""Hostile heads, catalogues, templates, options, texts and paths at the real command line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from damage_elsewhere import CATALOGS, KINDS, N, Pair
from hostile import Case, complaints, run_cases, run_command
from localcollab.methods.heads import HeadMetadata
from small_gguf import small_llama

pytestmark = [pytest.mark.weights, pytest.mark.slow]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    from localcollab.llama.options import Options
    from localcollab.llama.probe import file_sha256
    from localcollab.llama.weights import load_weights

    folder = tmp_path_factory.mktemp("pair")
    base, expert = folder / "one.gguf", folder / "two.gguf"
    for seed, path in enumerate((base, expert)):
        path.write_bytes(small_llama(seed).to_bytes())
    fingerprint = load_weights(base, Options(), extra_buffers=False).vocabulary.fingerprint
    sha256s = file_sha256(base), file_sha256(expert)
    return Pair(base, expert, HeadMetadata(sha256s[0], (sha256s[1],), fingerprint, "0" * 64))


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_input_is_an_error_or_harmless(
    kind: Callable[[Pair, Path], list[Case]], pair: Pair, tmp_path: Path
) -> None:
    cases = kind(pair, tmp_path)
    assert len(cases) >= N
    assert not complaints(run_cases(cases, tmp_path / "runs"))
    assert not complaints([run_command(cases[0], tmp_path / "runs")])


def test_a_huge_value_is_left_out_of_its_error_and_the_remedy_is_not(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text(CATALOGS[0])
    name = "x" * 100_000
    arguments = ["run", "--models", str(path), "--team", name, "hi"]
    case = Case("huge", arguments, names="characters left out.*localcollab teams")
    outcome = run_command(case, tmp_path / "runs")
    assert not complaints([outcome])
    assert len(outcome.err.splitlines()[-1]) < 6100
