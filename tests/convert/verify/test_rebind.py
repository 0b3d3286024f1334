"""A head that is bound to the quantized files of its own models."""

from pathlib import Path

import numpy as np
import pytest

from localcollab.errors import BadOption
from localcollab.llama.probe import file_sha256
from localcollab.methods.heads import Head, HeadMetadata, load_head, save_head
from localcollab_convert.verify.parity import Difference, Parity
from localcollab_convert.verify.rebind import bind, write_bound
from localcollab_convert.verify.request import HeadAgreement, Verification

OLD = Head(
    {"weight": np.ones((2, 4), np.float32), "bias": np.zeros(2, np.float32)},
    HeadMetadata("a" * 64, ("b" * 64, "c" * 64), "v" * 64, "d" * 64, metrics={"base": 1.0}),
)
AGREEMENT = HeadAgreement(0.99, 0.5, 0.3, 0.31, recalibrated=0.47, agreement_recalibrated=0.995)


def verification(path: Path, *differences: Difference) -> Verification:
    parity = Parity(1, 0, 0, differences)
    return Verification(path, path, parity, None, head=AGREEMENT)


@pytest.fixture
def head(tmp_path: Path) -> Path:
    path = tmp_path / "head.safetensors"
    save_head(OLD, path)
    return path


def test_a_bound_head_decides_as_before_at_the_new_threshold(head: Path, tmp_path: Path) -> None:
    base, experts = tmp_path / "base", [tmp_path / "one", tmp_path / "two"]
    for path in (base, *experts):
        path.write_text(path.name)
    out = tmp_path / "new.safetensors"
    write_bound(verification(base), head, experts, out)
    new = load_head(out)
    assert new.metadata.base_sha256 == file_sha256(base)
    assert new.metadata.expert_sha256s == tuple(file_sha256(path) for path in experts)
    assert (new.metadata.threshold, new.metadata.metrics) == (0.47, {})
    hidden = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
    np.testing.assert_array_equal(new.p_defer(hidden), OLD.p_defer(hidden))


def test_experts_that_are_not_given_stay(head: Path, tmp_path: Path) -> None:
    write_bound(verification(head), head, (), tmp_path / "new.safetensors")
    metadata = load_head(tmp_path / "new.safetensors").metadata
    assert metadata.expert_sha256s == OLD.metadata.expert_sha256s


def test_another_number_of_experts_is_refused() -> None:
    with pytest.raises(BadOption, match="has 2 experts, 1 are given"):
        bind(OLD, "a" * 64, ["b" * 64], 0.5)


def test_no_head_is_written_for_another_tokenizer(head: Path, tmp_path: Path) -> None:
    out = tmp_path / "new.safetensors"
    with pytest.raises(BadOption, match="because the tokenizers differ"):
        write_bound(verification(head, Difference("text", "[1]", "[2]")), head, (), out)
    assert not out.exists()
