"""What a context has read is kept on disk and gone on from, and nothing on disk can harm it."""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from localcollab.errors import EvaluationFailed
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.probe import probe
from localcollab.llama.prompt_cache import PromptCache
from localcollab.llama.weights import Weights, load_weights
from localcollab.storage.state_files import StateFiles

pytestmark = [pytest.mark.weights]

OPTIONS = Options(n_ctx=512)
Open = Callable[..., LlamaModel]


def load(path: Path) -> Weights:
    return load_weights(path, OPTIONS, extra_buffers=probe(path).extra_buffers)


@pytest.fixture(scope="module")
def weights(stories: Path) -> Weights:
    return load(stories)


@pytest.fixture
def files(tmp_path: Path) -> StateFiles:
    return StateFiles(tmp_path / "states")


@pytest.fixture
def another(weights: Weights, files: StateFiles) -> Iterator[Open]:
    """A context as another start of the program opens one."""
    opened = []

    def open_(sha256: str = "0" * 64, options: Options = OPTIONS, **how: bool) -> LlamaModel:
        cache = PromptCache(files)
        if how.get("is_kept", True):
            cache.begin("conversation:1")
        model = LlamaModel(weights, options, name="model")
        model.kept = cache.context(model, sha256, options)
        opened.append(model)
        return model

    yield open_
    for model in opened:
        model.close()


def text(n: int, seed: int = 0) -> list[int]:
    return [int(token) for token in np.random.default_rng(seed).integers(3, 500, n)]


def keep(model: LlamaModel) -> None:
    model.keep_state()
    assert model.kept is not None
    model.kept._cache.flush()


def test_another_start_reads_only_what_is_new(another: Open) -> None:
    tokens, more = text(300), text(20, seed=1)
    first = another()
    first.read(tokens)
    keep(first)
    second = another()
    reading = second.read([*tokens, *more])
    assert second.n_evaluated == len(more)
    np.testing.assert_array_equal(reading.logits, first.read([*tokens, *more]).logits)


def test_the_same_text_again_evaluates_its_last_token(another: Open) -> None:
    tokens = text(300)
    first = another()
    expected = first.read(tokens).logits
    keep(first)
    second = another()
    np.testing.assert_allclose(second.read(tokens).logits, expected, atol=0.05)
    assert second.n_evaluated == 1


def test_a_text_that_is_expected_is_loaded_with_its_first_part(another: Open) -> None:
    tokens = text(300)
    first = another()
    first.read(tokens)
    keep(first)
    second = another()
    second.expect(tokens)
    for at in (64, 200):
        second.read(tokens[:at], last=0)
    second.read(tokens)
    assert second.n_evaluated == 1


def test_a_common_beginning_is_enough(another: Open) -> None:
    first = another()
    first.read([*text(200), *text(50, seed=1)])
    keep(first)
    second = another()
    wanted = [*text(200), *text(60, seed=2)]
    reading = second.read(wanted)
    assert second.n_evaluated == 60
    fresh = another(sha256="f" * 64)
    np.testing.assert_allclose(reading.logits, fresh.read(wanted).logits, atol=0.05)


@pytest.mark.parametrize(
    "other",
    [{"sha256": "1" * 64}, {"options": Options(n_ctx=512, kv_type="f32")}],
    ids=["weights", "cache"],
)
def test_states_of_other_numbers_are_left_alone(another: Open, other: dict[str, object]) -> None:
    first = another()
    first.read(text(300))
    keep(first)
    second = another(**other)
    second.read(text(300))
    assert second.n_evaluated == 300


def test_a_smaller_context_leaves_a_longer_state_alone(another: Open, files: StateFiles) -> None:
    first = another()
    first.read(text(300))
    keep(first)
    small = another(options=Options(n_ctx=256))
    small.read(text(300)[:200])
    assert small.n_evaluated == 200
    assert len(files.entries()) == 1


def test_what_was_made_from_nothing_known_is_not_kept(another: Open, files: StateFiles) -> None:
    model = another(is_kept=False)
    model.read(text(300))
    keep(model)
    assert files.entries() == []


def test_a_state_with_little_that_is_new_is_not_written_again(
    another: Open, files: StateFiles
) -> None:
    model = another()
    model.read(text(300))
    keep(model)
    model.read([*text(300), *text(20, seed=1)])
    model.keep_state(least_new=1 / 4)
    assert model.kept is not None
    model.kept._cache.flush()
    assert len(files.entries()[0].tokens) == 300
    keep(model)
    assert len(files.entries()[0].tokens) == 320


def test_a_short_text_is_not_kept(another: Open, files: StateFiles) -> None:
    model = another()
    model.read(text(100))
    keep(model)
    assert files.entries() == []


def test_a_state_belongs_to_what_was_read_last(another: Open, files: StateFiles) -> None:
    model = another()
    model.read(text(300))
    assert model.kept is not None
    model.kept._cache.begin("conversation:2")
    keep(model)  # it has not read anything of the second yet
    assert [entry.origins for entry in files.entries()] == [{"conversation:1"}]


def changed(at: int, kind: str, value: int) -> Callable[[bytearray], bytearray]:
    def change(data: bytearray) -> bytearray:
        struct.pack_into(kind, data, at, value)
        return data

    return change


_CELLS = 16
"""Where the cells begin: behind the magic number, a sequence, streams and their count."""


@pytest.mark.parametrize(
    "change",
    [
        changed(0, "<I", 1),
        changed(8, "<I", 2),
        changed(12, "<I", 2**31),
        changed(12, "<I", 299),
        changed(_CELLS, "<i", -5),
        changed(_CELLS, "<i", 2**31 - 1),
        changed(_CELLS + 12, "<i", 0),
        changed(_CELLS + 4, "<I", 2**32 - 1),
        changed(_CELLS + 8, "<i", 70),
        changed(_CELLS + 12 * 300, "<I", 7),
        changed(_CELLS + 12 * 300 + 4, "<I", 10**9),
        changed(_CELLS + 12 * 300 + 8, "<i", 99),
        changed(_CELLS + 12 * 300 + 12, "<Q", 2**63),
        lambda data: data[:-1],
        lambda data: data + b"\0" * 8,
        lambda data: bytearray(),
    ],
)
def test_a_hostile_state_with_a_right_signature_is_refused(
    another: Open, files: StateFiles, change: Callable[[bytearray], bytearray]
) -> None:
    first = another()
    first.read(text(300))
    keep(first)
    entry = files.entries()[0]
    hostile = change(first.state())
    files.clear()
    assert files.put(entry, [bytes(8), hostile], 10.0**10)
    second = another()
    reading = second.read(text(300))
    assert second.n_evaluated == 300
    assert files.entries() == []
    np.testing.assert_array_equal(reading.logits, another(sha256="f" * 64).read(text(300)).logits)


def test_a_state_that_is_no_numbers_is_read_once(another: Open, files: StateFiles) -> None:
    first = another()
    first.read(text(300))
    keep(first)
    entry, hostile = files.entries()[0], first.state()
    hostile[-2000:] = b"\xff" * 2000
    files.clear()
    files.put(entry, [bytes(8), hostile], 10.0**10)
    second = another()
    with pytest.raises(EvaluationFailed, match="NaN"):
        second.read(text(301))
    second.read(text(301))
    assert files.entries() == []


def test_a_recurrent_model_keeps_nothing(rwkv: Path, files: StateFiles) -> None:
    model = LlamaModel(load(rwkv), OPTIONS, name="rwkv")
    cache = PromptCache(files)
    cache.begin("conversation:1")
    model.kept = cache.context(model, "0" * 64, OPTIONS)
    model.read([5] * 200)
    keep(model)
    assert files.entries() == []
    model.close()


@pytest.mark.real
def test_a_sliding_window_is_gone_on_from_and_rewound(gemma: Path, files: StateFiles) -> None:
    """Its window of 512 has let go of the oldest positions after a while: then it is read again."""
    options = Options(n_ctx=2048)
    weights = load_weights(gemma, options, extra_buffers=probe(gemma).extra_buffers)

    def another() -> LlamaModel:
        cache = PromptCache(files)
        cache.begin("conversation:1")
        model = LlamaModel(weights, options, name="gemma")
        model.kept = cache.context(model, "0" * 64, options)
        return model

    def nearest(model: LlamaModel, tokens: list[int]) -> float:
        """KL from what a fresh context says."""
        fresh = LlamaModel(weights, options, name="fresh")
        p, q = (m.read(tokens).logits[-1].astype(np.float64) for m in (fresh, model))
        p, q = p - np.logaddexp.reduce(p), q - np.logaddexp.reduce(q)
        return float((np.exp(p) * (p - q)).sum())

    prompt = np.random.default_rng(0).integers(1000, 5000, 800).tolist()
    first = another()
    first.read(prompt)
    keep(first)
    second = another()
    assert nearest(second, prompt[:700]) < 0.05
    assert second.n_evaluated == 1
    assert nearest(second, prompt[:700] + prompt[:50]) < 0.05
    assert nearest(second, prompt[:700] + prompt[:30] + [7]) < 0.05  # rewound behind the state
    assert second.n_evaluated == 52
    assert nearest(second, prompt[:600] + prompt[:10]) < 0.05  # into it: loaded again
    assert second.n_evaluated == 62
    keep(second)
    assert sorted(len(entry.tokens) for entry in files.entries()) == [610, 800]
    assert nearest(another(), prompt[:600] + prompt[:20]) < 0.05
