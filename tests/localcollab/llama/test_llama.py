"""The seam on real files: parity with transformers, and a cache that never shows."""

import gc
import weakref
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcollab.errors import BadOption, ContextFull
from localcollab.language_model import LanguageModel, Stopped
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.weights import Weights, load_weights
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import never, random_gate
from random_llama import N_VOCAB, random_llama, write_gguf

pytestmark = pytest.mark.weights
EXACT = Options(flash_attention="off", n_ctx=512, kv_type="f32", n_batch=64, n_ubatch=64)
TOKENS: list[int] = np.random.default_rng(0).integers(3, N_VOCAB, 300).tolist()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("random")
    return [write_gguf(random_llama(seed), folder / f"{seed}.gguf") for seed in range(2)]


@pytest.fixture(scope="module")
def weights(files: list[Path]) -> list[Weights]:
    return [load_weights(path, EXACT, extra_buffers=True) for path in files]


def open_model(weights: Weights, name: str = "m", options: Options = EXACT) -> LlamaModel:
    return LlamaModel(weights, options, name=name)


def open_team(weights: list[Weights], rate: float, options: Options = EXACT) -> DeferralTeam:
    base, expert = (
        open_model(weights[0], "base", options),
        open_model(weights[1], "expert", options),
    )
    return DeferralTeam("team", base, [expert], random_gate(rate, 1, seed=3))


def straight(model: LanguageModel, tokens: Sequence[int], last: int = 1) -> np.ndarray:
    return model.read(tokens, last=last).logits


def assert_close(got: np.ndarray, want: np.ndarray) -> None:
    assert np.abs(got - want).max() <= 0.01 * want.std()


def test_logits_and_hidden_states_equal_transformers(weights: list[Weights]) -> None:
    reference = random_llama(0)
    with torch.no_grad():
        output = reference.model(torch.tensor([TOKENS]))
        states = output.last_hidden_state[0].numpy()
        logits = reference.lm_head(output.last_hidden_state)[0].numpy()
    reading = open_model(weights[0]).read(TOKENS, last=200, hidden=True)
    assert reading.hidden is not None
    assert_close(reading.logits, logits[-200:])
    assert_close(reading.hidden, states[-200:])


def test_the_recurrent_fixture_gives_its_expected_logits(rwkv: Path) -> None:
    expected = np.fromfile(rwkv.with_name("expected-logits-5v2-730K.bin"), np.float32)
    model = open_model(load_weights(rwkv, Options(), extra_buffers=True), options=Options())
    np.testing.assert_allclose(model.read(list(b'"in')).logits[0], expected, atol=1e-4)


def test_a_cache_that_cannot_rewind_reads_again(rwkv: Path) -> None:
    model = open_model(load_weights(rwkv, Options(), extra_buffers=True), options=Options())
    want = straight(model, list(b"other"))
    model.read(list(b'"in the'))
    got = straight(model, list(b"other"))
    np.testing.assert_array_equal(got, want)
    assert model.n_evaluated == 5 + 7 + 5


step = st.tuples(
    st.sampled_from(["extend", "rewind", "branch", "again", "stop"]),
    st.integers(1, 90),
    st.integers(0, 5),
)


@pytest.mark.parametrize("rate", [None, 0.0, 0.4, 1.0])
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(walk=st.lists(step, min_size=1, max_size=8))
def test_any_walk_gives_the_logits_of_one_straight_read(
    weights: list[Weights], rate: float | None, walk: list[tuple[str, int, int]]
) -> None:
    walked: LanguageModel = open_model(weights[0]) if rate is None else open_team(weights, rate)
    fresh: LanguageModel = open_model(weights[0]) if rate is None else open_team(weights, rate)
    tokens = TOKENS[:3]
    for action, n, last in walk:
        tokens = moved(tokens, action, n)
        last = min(last, len(tokens))
        if action == "stop":
            with pytest.raises(Stopped):
                walked.read([*tokens, *TOKENS[:100]], on_chunk=raise_stopped)
        logits = straight(walked, tokens, last)
        if last:
            assert_close(logits, straight(fresh, tokens, len(tokens))[-last:])


def moved(tokens: list[int], action: str, n: int) -> list[int]:
    match action:
        case "extend":
            return [*tokens, *TOKENS[n : 2 * n]][:400]
        case "rewind":
            return tokens[: max(1, len(tokens) - n)]
        case "branch":
            return tokens[: max(1, len(tokens) - n)] + [5] * (n % 4)
    return tokens


def raise_stopped(done: int, total: int) -> None:
    raise Stopped


@pytest.mark.parametrize("rate", [None, 0.5])
def test_equal_chunks_give_equal_bits(weights: list[Weights], rate: float | None) -> None:
    options = Options(flash_attention="off", n_ctx=512, n_batch=16, n_ubatch=16)
    walked, fresh = (
        open_model(weights[0], options=options)
        if rate is None
        else open_team(weights, rate, options)
        for _ in range(2)
    )
    walked.read(TOKENS[:160], last=0)
    walked.read(TOKENS[:80] + TOKENS[:100], last=0)
    walked.read(TOKENS[:80], last=0)
    # Both evaluate 16 positions a chunk up to 192, then 8, of which 4 give logits.
    np.testing.assert_array_equal(
        straight(walked, TOKENS[:200], 4), straight(fresh, TOKENS[:200], 4)
    )


def test_a_run_that_never_defers_evaluates_nothing_on_the_expert(weights: list[Weights]) -> None:
    base, expert = open_model(weights[0], "base"), open_model(weights[1], "expert")
    team = DeferralTeam("team", base, [expert], never(1))
    for n in range(1, 60):
        team.read(TOKENS[:n])
    assert (base.n_evaluated, expert.n_evaluated) == (59, 0)


def test_a_deferral_evaluates_all_skipped_tokens_in_one_batch(weights: list[Weights]) -> None:
    expert = open_model(weights[1], "expert")
    gate = random_gate(0.0, 1)
    team = DeferralTeam("team", open_model(weights[0], "base"), [expert], gate)
    for n in range(1, 41):
        team.read(TOKENS[:n])
    team.gate = random_gate(1.0, 1)
    team.read(TOKENS[:41])
    assert (expert.n_evaluated, expert.n_batches) == (41, 1)


def test_the_same_read_again_costs_nothing(weights: list[Weights]) -> None:
    model = open_model(weights[0])
    first = model.read(TOKENS, last=3, hidden=True)
    again = model.read(TOKENS, last=2)
    assert model.n_evaluated == len(TOKENS)
    np.testing.assert_array_equal(again.logits, first.logits[-2:])


def test_a_prefix_that_is_cached_already_is_left_alone(weights: list[Weights]) -> None:
    model = open_model(weights[0])
    model.read(TOKENS)
    model.read(TOKENS[:100], last=0)
    model.read([*TOKENS, 7])
    assert model.n_evaluated == len(TOKENS) + 1


def test_a_reading_is_a_copy(weights: list[Weights]) -> None:
    model = open_model(weights[0])
    first = model.read(TOKENS[:5], hidden=True)
    kept = first.logits.copy()
    model.read(TOKENS[5:30], hidden=True)
    np.testing.assert_array_equal(first.logits, kept)


def test_a_chunk_is_stopped_midway(weights: list[Weights]) -> None:
    options = Options(flash_attention="off", n_ctx=1024, n_batch=1024, n_ubatch=64)
    model, tokens = open_model(weights[0], options=options), TOKENS * 3

    def on_chunk(done: int, total: int) -> None:
        # Nothing is done yet: only llama.cpp's abort callback can have called.
        if done == 0:
            raise Stopped

    with pytest.raises(Stopped):
        model.read(tokens, on_chunk=on_chunk)
    assert (model.n_evaluated % 64, model.n_evaluated < len(tokens)) == (0, True)
    want = straight(open_model(weights[0], options=options), tokens)
    assert_close(straight(model, tokens), want)


def test_progress_counts_what_is_evaluated(weights: list[Weights]) -> None:
    model = open_model(weights[0])
    model.read(TOKENS[:100], last=0)
    seen: list[tuple[int, int]] = []
    model.read(TOKENS[:231], on_chunk=lambda done, total: seen.append((done, total)))
    assert (seen[-1], sorted(seen) == seen) == ((131, 131), True)


def test_two_contexts_share_one_copy_of_the_weights(weights: list[Weights]) -> None:
    one, two = open_model(weights[0]), open_model(weights[0])
    alone = straight(open_model(weights[0]), TOKENS[:50])
    for n in range(1, 51):
        one.read(TOKENS[:n])
        two.read(TOKENS[100 : 100 + n])
    np.testing.assert_allclose(straight(one, TOKENS[:50]), alone, atol=0.01 * alone.std())


@pytest.mark.parametrize(
    ("tokens", "last", "message"),
    [([], 0, "no tokens to read"), ([5], 2, "last is 2"), ([5, 512], 1, "512"), ([-1], 1, "-1")],
)
def test_a_read_that_makes_no_sense_is_refused(
    weights: list[Weights], tokens: list[int], last: int, message: str
) -> None:
    model = open_model(weights[0])
    with pytest.raises(BadOption, match=message):
        model.read(tokens, last=last)
    assert model.read([5]).logits.shape == (1, N_VOCAB)


def test_more_tokens_than_the_context_are_refused(weights: list[Weights]) -> None:
    with pytest.raises(ContextFull, match="513 tokens do not fit its context of 512"):
        open_model(weights[0]).read([5] * 513)


def test_gpu_layers_on_a_cpu_build_are_refused(files: list[Path]) -> None:
    from localcollab.llama import library

    if library.supports_gpu():
        pytest.skip("this build has a GPU")
    with pytest.raises(BadOption, match="no GPU support"):
        load_weights(files[0], Options(n_gpu_layers=4), extra_buffers=True)


def test_states_read_with_their_prefix_are_those_read_alone(weights: list[Weights]) -> None:
    options = Options(flash_attention="off", n_ctx=512, n_outputs=128)
    joined, alone = (open_model(weights[0], options=options) for _ in range(2))
    alone.read(TOKENS[:180], last=0)
    # 20 rows fill a tile of 64 with the 44 tokens before them.
    found, expected = (m.read(TOKENS[:200], last=20, hidden=True) for m in (joined, alone))
    assert (joined.n_batches, alone.n_batches) == (2, 2)
    assert found.hidden is not None
    assert expected.hidden is not None
    assert_close(found.logits, expected.logits)
    assert_close(found.hidden, expected.hidden)


def test_a_vocabulary_outlives_its_weights(files: list[Path]) -> None:
    """llama.cpp keeps it inside the model: without one the process would die here."""
    loaded = load_weights(files[0], EXACT, extra_buffers=True)
    expected = loaded.vocabulary.encode("Take one.")
    vocabulary, freed = loaded.vocabulary, weakref.ref(loaded.model)
    del loaded
    gc.collect()
    assert vocabulary.encode("Take one.") == expected
    assert vocabulary.decode(expected).strip("▁").replace("▁", " ") == "Take one."
    del vocabulary
    gc.collect()
    assert freed() is None
