"""Importance matrices: sums against PyTorch, the file format, and what they gain at two bits."""

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch

from localcollab.errors import BadData, BadModelFile
from localcollab.llama.importance import Importance
from localcollab.llama.options import Options
from localcollab.llama.quantizer import quantize
from localcollab.llama.weights import load_weights
from localcollab_convert.imatrix.file import Imatrix, load_imatrix, save_imatrix
from localcollab_convert.imatrix.make import make_imatrix
from localcollab_convert.imatrix.request import ImatrixRequest
from localcollab_convert.verify.divergence import score, summarize
from localcollab_convert.verify.readers import gguf_reader, open_gguf, windows_of
from random_llama import random_llama, write_gguf

pytestmark = pytest.mark.slow

TOKENS = [1, *range(270, 330)]


def ignore(_line: object) -> None:
    pass


@pytest.fixture(scope="module")
def model() -> Any:
    """Some columns carry much more than others, as in trained models."""
    made = random_llama(0, n_layers=2, n_embd=256)
    with torch.no_grad():
        for layer in made.model.layers:
            scale = torch.exp(torch.randn(256) * 1.5)
            layer.input_layernorm.weight.mul_(scale)
            layer.post_attention_layernorm.weight.mul_(scale)
    return made


@pytest.fixture(scope="module")
def path(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(model, tmp_path_factory.mktemp("imatrix") / "model.gguf")


def test_sums_of_squares_equal_pytorchs(model: Any, path: Path) -> None:
    seen: dict[str, np.ndarray] = {}

    def keep(name: str) -> Any:
        def hook(_module: Any, inputs: Any) -> None:
            seen[name] = np.square(inputs[0][0].double().numpy()).sum(axis=0)

        return hook

    names = {
        "self_attn.q_proj": "attn_q", "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate",
        "mlp.down_proj": "ffn_down",
    }  # fmt: skip
    handles = [
        layer.get_submodule(theirs).register_forward_pre_hook(keep(f"blk.{i}.{ours}.weight"))
        for i, layer in enumerate(model.model.layers)
        for theirs, ours in names.items()
    ]
    with torch.inference_mode():
        model(input_ids=torch.tensor([TOKENS]))
    for handle in handles:
        handle.remove()
    importance = Importance(load_weights(path, Options(), extra_buffers=False), 64)
    importance.read(TOKENS)
    importance.close()
    for name, expected in seen.items():
        assert (
            np.abs(importance.sums[name][0] - expected).max() <= 0.03 * expected.max()
        )  # F16 cache
        assert importance.counts[name].tolist() == [len(TOKENS)]


def test_a_saved_matrix_is_read_back_as_it_was(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sums = {"blk.0.ffn_up.weight": rng.random((4, 8), np.float32)}
    counts = {"blk.0.ffn_up.weight": np.array([3, 0, 5, 7], np.float32)}
    path = tmp_path / "imatrix.gguf"
    save_imatrix(Imatrix(sums, counts, ("text.txt",), 2, 512), path)
    found = load_imatrix(path)
    assert (found.datasets, found.n_chunks, found.chunk_size) == (("text.txt",), 2, 512)
    np.testing.assert_array_equal(found.sums["blk.0.ffn_up.weight"], sums["blk.0.ffn_up.weight"])
    means = found.means()["blk.0.ffn_up.weight"].reshape(4, 8)
    np.testing.assert_allclose(means[2], sums["blk.0.ffn_up.weight"][2] / 5, rtol=1e-6)
    # A matrix that saw nothing weighs every column alike.
    assert means[1].tolist() == [1.0] * 8


def test_the_file_has_the_keys_and_shapes_of_llama_cpps_own(path: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(" ".join(f"w{n % 200}" for n in range(400)))
    out = tmp_path / "imatrix.gguf"
    make_imatrix(ImatrixRequest(path=path, text=text, out=out, n_tokens=256), ignore)
    reader = gguf.GGUFReader(out)
    assert reader.fields["general.type"].contents() == "imatrix"
    assert reader.fields["imatrix.datasets"].contents() == ["text.txt"]
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    assert tensors["blk.0.attn_q.weight.in_sum2"].shape.tolist() == [256, 1]
    assert tensors["blk.0.attn_q.weight.counts"].shape.tolist() == [1, 1]


def test_a_matrix_lowers_kl_at_two_bits(path: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(" ".join(f"w{n * 7 % 250}" for n in range(2000)))
    matrix = tmp_path / "imatrix.gguf"
    make_imatrix(ImatrixRequest(path=path, text=text, out=matrix, n_tokens=1024), ignore)
    means = load_imatrix(matrix).means()
    original = open_gguf(path, 256)
    windows = windows_of(text, original.vocabulary, 256, 512)
    kl = {}
    for name, imatrix in (("without", None), ("with", means)):
        out = tmp_path / f"{name}.gguf"
        quantize(path, out, "Q2_K", imatrix=imatrix)
        ours = gguf_reader(open_gguf(out, 256))
        kl[name] = summarize(score(windows, ours, gguf_reader(original), ignore)).kl
    assert kl["with"] < 0.9 * kl["without"]


def test_types_below_two_bits_need_one(path: Path, tmp_path: Path) -> None:
    with pytest.raises(BadModelFile, match=r"[Ii]mportance matrix|imatrix"):
        quantize(path, tmp_path / "out.gguf", "IQ1_S")


@pytest.mark.parametrize("data", [b"", b"GGUF", b"no matrix at all" * 20])
def test_what_is_no_importance_matrix_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "damaged.gguf"
    path.write_bytes(data)
    with pytest.raises(BadData, match="not an importance matrix"):
        load_imatrix(path)


def test_a_model_is_no_importance_matrix(path: Path) -> None:
    with pytest.raises(BadData, match="not an importance matrix"):
        load_imatrix(path)
