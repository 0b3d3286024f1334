"""A draft of another vocabulary keeps the rule: every token is the target's argmax where it was read.

On F32 weights: the same text, and bit for bit the logits that equal chunks give without a draft.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.controller import Speculation
from localcollab.decoding.generate import generate
from localcollab.decoding.speculation import Draft
from localcollab.events import Finished
from localcollab.language_model import OnChunk, Reading, Wrapper
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.weights import load_weights
from localcollab.vocabularies.translated import TranslatedModel

pytestmark = pytest.mark.weights
EXACT = Options(flash_attention="off", kv_type="f32", n_ctx=256, n_threads=1)
PROMPTS = ("Once upon a time, there was", "Tim had a big red", "The dog and the cat")


class Recorder(Wrapper):
    """Remembers every reading: (tokens, last, its logits)."""

    def __init__(self, inner: LlamaModel) -> None:
        super().__init__(inner)
        self.reads: list[tuple[list[int], int, np.ndarray]] = []

    def read(
        self, tokens: Sequence[int], *, last: int = 1, hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:  # fmt: skip
        reading = super().read(tokens, last=last, hidden=hidden, on_chunk=on_chunk)
        self.reads.append((list(tokens), last, reading.logits.copy()))
        return reading


def opened(path: Path, name: str) -> LlamaModel:
    return LlamaModel(load_weights(path, EXACT, extra_buffers=True), EXACT, name=name)


def written(model: Wrapper, prompt: list[int], speculation: Speculation | None) -> Finished:
    limits = Limits(40, ends_loops=False)
    *_, end = generate(model, prompt, limits=limits, speculation=speculation)
    assert isinstance(end, Finished)
    return end


@pytest.mark.parametrize(("text", "depth"), zip(PROMPTS, (1, 3, 6), strict=True))
def test_the_rule_holds_and_equal_chunks_give_equal_bits(
    text: str, depth: int, stories: Path, rwkv: Path
) -> None:
    plain_target, target = (Recorder(opened(stories, "target")) for _ in range(2))
    draft = Draft(TranslatedModel(opened(rwkv, "draft"), target.vocabulary))
    prompt = target.vocabulary.encode(text, bos=True)
    plain = written(plain_target, prompt, None)
    drafted = written(target, prompt, Speculation(target, draft=draft, looks_up=False, depth=depth))
    assert drafted.tokens == plain.tokens
    said = {
        len(tokens) - last + 1 + row: int(logits[row].argmax())
        for tokens, last, logits in target.reads
        for row in range(last)
    }
    assert all(said[len(prompt) + n] == token for n, token in enumerate(drafted.tokens))
    again = opened(stories, "again")
    for tokens, last, logits in target.reads:
        np.testing.assert_array_equal(again.read(tokens, last=last).logits, logits)


def test_some_proposals_are_accepted(stories: Path, rwkv: Path) -> None:
    target = Recorder(opened(stories, "target"))
    draft = Draft(TranslatedModel(opened(rwkv, "draft"), target.vocabulary))
    accepted = 0
    for text in PROMPTS:
        prompt = target.vocabulary.encode(text, bos=True)
        end = written(target, prompt, Speculation(target, draft=draft, looks_up=False, depth=2))
        accepted += sum(count.accepted for count in end.drafted.values())
    assert accepted > 0
