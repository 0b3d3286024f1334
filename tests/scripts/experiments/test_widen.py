"""A widened model gives the logits of the small one, and a widened head its decisions."""

from pathlib import Path

import numpy as np
import pytest

import wide_gguf
import widen
from localcollab.catalog import Deferral, Familiarity, parse_catalog
from localcollab.language_model import Reading
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.weights import load_weights
from localcollab.methods.heads import Head, HeadMetadata
from localcollab.teams.open import open_team
from localcollab.teams.plan import plan_from_catalog
from random_llama import random_llama, write_gguf
from wide_gguf import Shape, Source

BIG = Shape(n_layers=5, n_embd=512, n_ff=768)
TOKENS = list(range(3, 93))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(random_llama(0), tmp_path_factory.mktemp("small") / "base.gguf")


@pytest.fixture(scope="module")
def wide(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wide") / "base.gguf"
    wide_gguf.widen(small, path, BIG, seed=1)
    return path


def read(path: Path) -> Reading:
    options = Options(n_ctx=128, n_outputs=128, flash_attention="off")
    weights = load_weights(path, options, extra_buffers=False)
    return LlamaModel(weights, options, name="base").read(TOKENS, last=len(TOKENS), hidden=True)


def test_the_wide_model_gives_the_same_logits(small: Path, wide: Path) -> None:
    expected = read(small).logits
    assert np.abs(read(wide).logits - expected).max() < 0.01 * expected.std()


def test_the_wide_state_is_the_small_one_and_zeros(small: Path, wide: Path) -> None:
    expected, hidden = read(small).hidden, read(wide).hidden
    assert expected is not None
    assert hidden is not None
    np.testing.assert_allclose(hidden[:, :128], expected, atol=0.01 * float(expected.std()))
    np.testing.assert_array_equal(hidden[:, 128:], 0)


def test_what_meets_only_zeros_is_random(wide: Path) -> None:
    source = Source(wide)
    assert (source.shape, source.n_heads, source.n_heads_kv) == (BIG, 32, 16)
    assert source.read("blk.0.attn_q.weight")[:, 128:].std() > 0.01
    assert source.read("blk.4.ffn_up.weight").std() > 0.01
    assert not source.read("blk.4.ffn_down.weight").any()


def test_the_wide_file_names_its_origin(small: Path, wide: Path) -> None:
    from localcollab.llama.probe import file_sha256

    assert Source(wide).value("localcollab.widened.from_sha256") == file_sha256(small)
    assert Source(wide).value("tokenizer.ggml.model") == "llama"


def test_a_width_that_does_not_fit_is_refused(small: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="whole factors"):
        wide_gguf.widen(small, tmp_path / "out.gguf", Shape(5, 200, 768))
    with pytest.raises(SystemExit, match="whole factors"):
        wide_gguf.widen(small, tmp_path / "out.gguf", Shape(1, 256, 768))


def test_a_quantized_copy_stays_near(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "base.gguf"
    widen.make(small, out, BIG, "Q8_0", seed=1)
    found = widen.compare(small, out, ["abcdefghijklmnopqrstuvwxyz"])
    assert found["error_in_std"] < 0.1
    assert [path.name for path in tmp_path.iterdir()] == ["base.gguf"]


def test_a_wide_head_decides_alike() -> None:
    rng = np.random.default_rng(0)
    weight, hidden = rng.normal(size=(2, 8)), rng.normal(size=(5, 8)).astype(np.float32)
    metadata = HeadMetadata("base", ("one", "two"), "vocabulary", "data")
    head = Head({"weight": weight.astype(np.float32), "bias": np.zeros(2, np.float32)}, metadata)
    wide_head = widen.widen_head(head, 32, ["wide base", "wide one", "wide two"])
    padded = np.pad(hidden, ((0, 0), (0, 24)))
    np.testing.assert_allclose(wide_head.p_defer(padded), head.p_defer(hidden), rtol=1e-6)
    assert wide_head.metadata.expert_sha256s == ("wide one", "wide two")


def test_the_catalogue_of_a_wide_team_opens(wide: Path, tmp_path: Path) -> None:
    for name in ("base", "facts"):
        (tmp_path / f"{name}.gguf").symlink_to(wide)
    familiar = {"facts": Familiarity("# ", -4.0)}
    text = widen.catalog_text("team-1b", ["facts"], familiar, has_head=False)
    (tmp_path / "models.toml").write_text(text)
    catalog = parse_catalog(tmp_path / "models.toml")
    entry = catalog.team("team-1b")
    team = open_team(plan_from_catalog(catalog, entry), Options(n_ctx=128))
    assert isinstance(entry.method, Deferral)
    assert (list(team.members), dict(entry.method.familiar)) == (
        ["base", "facts-wide"], {"facts-wide": Familiarity("# ", -4.0)}
    )  # fmt: skip
