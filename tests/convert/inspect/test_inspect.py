"""`convert inspect` against what quantization really writes, and on files that are damaged."""

import json
from pathlib import Path

import pytest

from localcollab.errors import BadModelFile
from localcollab.llama.options import Options
from localcollab.llama.quantizer import quantize
from localcollab.llama.weights import load_weights
from localcollab_convert.inspect.cli import inspect
from localcollab_convert.inspect.inspect import Inspection, inspect_file
from small_gguf import bpe_keys, small_llama

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inspect") / "small.gguf"
    path.write_bytes(small_llama(n_embd=256).to_bytes())
    return path


@pytest.fixture(scope="module")
def found(model: Path) -> Inspection:
    return inspect_file(model, _ignore)


def _ignore(_line: object) -> None:
    pass


@pytest.mark.parametrize("file_type", ["F16", "Q8_0", "Q4_K_M", "Q2_K", "IQ4_XS"])
def test_the_planned_size_is_the_size_that_is_written(
    model: Path, found: Inspection, tmp_path: Path, file_type: str
) -> None:
    planned = found.plans[file_type]
    out = tmp_path / "out.gguf"
    written = quantize(model, out, file_type)
    # The quantizer adds two keys to the metadata.
    assert abs(planned.size_bytes - out.stat().st_size) < 128
    assert planned.n_fallbacks == len(written.fallbacks)


def test_types_that_need_an_importance_matrix_are_marked(found: Inspection) -> None:
    plans = found.plans
    assert [plans[name].needs_imatrix for name in ("IQ2_XXS", "IQ1_S", "Q2_K")] == [
        True,
        True,
        False,
    ]


def test_the_fingerprint_is_the_runtimes_own(model: Path, found: Inspection) -> None:
    loaded = load_weights(model, Options(), extra_buffers=False)
    assert found.vocabulary["fingerprint"] == loaded.vocabulary.fingerprint
    assert found.vocabulary["n_tokens"] == loaded.vocabulary.n_tokens


def test_json_is_one_object(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inspect(model, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert (said["architecture"], said["n_ctx_train"]) == ("llama", 256)


def test_a_file_that_llama_cpp_refuses_is_shown_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "unknown.gguf"
    path.write_bytes(small_llama().with_key("general.architecture", 8, "nonesuch").to_bytes())
    inspect(path, as_json=False)
    assert "unusable    " in capsys.readouterr().out


def test_a_vocabulary_that_ends_llama_cpp_leaves_this_process_alive(tmp_path: Path) -> None:
    path = tmp_path / "merges.gguf"
    gguf = small_llama(tokens=bpe_keys()).without_key("tokenizer.ggml.merges")
    path.write_bytes(gguf.to_bytes())
    found = inspect_file(path, _ignore)
    assert found.refusal
    assert found.plans == {}


def test_a_damaged_header_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "damaged.gguf"
    path.write_bytes(small_llama().to_bytes()[:200])
    with pytest.raises(BadModelFile, match="damaged or truncated"):
        inspect_file(path, _ignore)
