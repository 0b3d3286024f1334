"""Several conversations in one context, compared with contexts of their own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.decoding.sampling import Sampling
from localcollab.errors import BadOption, ContextFull
from localcollab.events import Finished
from localcollab.language_model import Stopped
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.together import SharedContext
from localcollab.llama.weights import Weights, load_weights

pytestmark = pytest.mark.weights
_PROMPTS = ("Once upon a time", "The dog", "Lily and Tom went to the", "It was a very hot day and")


@pytest.fixture(scope="module")
def weights(stories: Path) -> Weights:
    return load_weights(stories, Options(), extra_buffers=False)


@contextmanager
def shared_by(n: int, weights: Weights, **options: Any) -> Iterator[SharedContext]:
    shared = SharedContext(weights, Options(**options), n, name="base", n_ctx=256)
    try:
        yield shared
    finally:
        shared.close()


def alone(weights: Weights) -> LlamaModel:
    return LlamaModel(weights, Options(n_ctx=256), name="base")


def story(model: Any, text: str) -> str:
    tokens = model.vocabulary.encode(text, bos=True)
    *_, end = generate(model, tokens, Sampling(temperature=0), Limits(40, ends_loops=False))
    assert isinstance(end, Finished)
    return end.text


def test_each_conversation_is_as_if_alone_and_they_share_batches(weights: Weights) -> None:
    expected = [story(alone(weights), text) for text in _PROMPTS]
    found: dict[int, str] = {}
    with shared_by(4, weights) as shared:

        def tell(n: int) -> None:
            found[n] = story(shared.sequences[n], _PROMPTS[n])

        threads = [threading.Thread(target=tell, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        n_rounds = shared.n_rounds
    assert [found[n] for n in range(4)] == expected
    assert n_rounds < 4 * 40, "some tokens were evaluated together"


def test_rows_chunks_and_cuts_are_those_of_an_own_context(weights: Weights) -> None:
    own = alone(weights)
    tokens = own.vocabulary.encode("Once upon a time there was a little girl who had a dog. " * 4)
    other = own.vocabulary.encode("The sun was hot.")
    with shared_by(2, weights, n_batch=32, n_outputs=8) as shared:
        first, second = shared.sequences
        second.read(other)
        for wanted, last in (
            (tokens, 1), (tokens[:50], 20), (tokens[:50] + other, 3), (tokens[:10], 0),
            (tokens, 1), (tokens, 1), (tokens, 0),
        ):  # fmt: skip
            rows = first.read(wanted, last=last).logits
            assert rows.shape == (last, own.vocabulary.n_tokens)
            assert np.allclose(rows, own.read(wanted, last=last).logits, atol=2e-2)
        first.forget()
        assert np.allclose(first.read(tokens).logits, own.read(tokens).logits, atol=2e-2)
        assert np.allclose(second.read([*other, 5]).logits, own.read([*other, 5]).logits, atol=2e-2)


def test_what_cannot_be_read_is_refused_and_the_others_go_on(weights: Weights) -> None:
    with shared_by(2, weights) as shared:
        one = shared.sequences[0]
        with pytest.raises(BadOption, match="last"):
            one.read([])
        with pytest.raises(BadOption, match="last"):
            one.read([1], last=2)
        with pytest.raises(BadOption, match="hidden"):
            one.read([1], hidden=True)
        with pytest.raises(BadOption, match="vocabulary"):
            one.read([100_000])
        with pytest.raises(ContextFull):
            one.read([1] * 257)
        assert one.read([1] * 256).logits.shape[0] == 1
        assert shared.sequences[1].read([1]).logits.shape[0] == 1
    with pytest.raises(BadOption, match="closed"):
        one.read([1, 2])


def test_a_long_read_can_be_stopped_between_chunks(weights: Weights) -> None:
    def stop(done: int, total: int) -> None:
        raise Stopped

    with shared_by(1, weights, n_batch=32) as shared:
        one = shared.sequences[0]
        with pytest.raises(Stopped):
            one.read([1] * 100, on_chunk=stop)
        assert np.allclose(
            one.read([1] * 100).logits, alone(weights).read([1] * 100).logits, atol=2e-2
        )


def test_a_recurrent_model_is_refused(rwkv: Path) -> None:
    found = load_weights(rwkv, Options(), extra_buffers=False)
    with pytest.raises(BadOption, match="cannot be cut"):
        SharedContext(found, Options(), 2, name="base", n_ctx=64)
