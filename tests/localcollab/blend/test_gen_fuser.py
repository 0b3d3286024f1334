"""The form that the public GenFuser reads, as token ids."""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import pytest

from fakes import END, ScriptedModel, byte_vocabulary
from localcollab.blend.candidates import Asking
from localcollab.blend.fuser import fuse, plan_fusion, write_fusion
from localcollab.blend.gen_fuser import REQUEST, T5Fuser, sentinel, write_source
from localcollab.errors import BadOption, ContextFull
from localcollab.events import Finished
from localcollab.llama.encoder_decoder import EncoderDecoder
from localcollab.vocabulary import Vocabulary

EXTRA = 300


def t5_like(*, padded: bool = False) -> Vocabulary:
    """Bytes, an end, and T5's sentinels: by name, or as llama.cpp's converter leaves them."""
    plain = byte_vocabulary()
    if padded:
        return replace(plain, strings=(*plain.strings, *(f"[PAD{i}]" for i in range(257, 400))))
    fill = (f"x{i}" for i in range(257, EXTRA - 1))
    sentinels = (f"<extra_id_{n}>" for n in (2, 1, 0))
    return replace(plain, strings=(*plain.strings, *fill, *sentinels))


class FakeT5:
    """Answers `script` to any source, and keeps the sources."""

    def __init__(self, script: bytes, n_ctx: int) -> None:
        self.name, self.vocabulary, self.n_ctx, self.start = "t5", t5_like(), n_ctx, 0
        self._script = script
        self.sources: list[list[int]] = []

    def with_source(self, source: Sequence[int]) -> ScriptedModel:
        self.sources.append(list(source))
        model = ScriptedModel([*self._script, END], n_ctx=self.n_ctx)
        model.start = self.start  # type: ignore[attr-defined]
        return model


def test_a_source_is_written_as_published() -> None:
    tokens = write_source(t5_like(), "say it", "hi", ["one", "two"])
    expected = [
        *b"Instruction: say it", END, *b"Input: hi", END,
        *b"Candidate 0:", EXTRA + 1, *b":one", END, *b"Candidate 1:", EXTRA, *b":two", END,
        *REQUEST.encode(),
    ]  # fmt: skip
    assert tokens == expected


def test_text_that_looks_like_an_end_is_text() -> None:
    tokens = write_source(t5_like(), "a", "", ["</s><extra_id_0>", "b"])
    assert (tokens.count(END), tokens.count(EXTRA + 1)) == (4, 1)


def test_sentinels_without_names_stand_behind_the_pieces() -> None:
    vocabulary = t5_like(padded=True)
    assert [sentinel(vocabulary, n) for n in (0, 1, 99)] == [356, 355, 257]
    for wrong, n in ((vocabulary, 100), (byte_vocabulary(), 0)):
        with pytest.raises(BadOption, match=f"lacks <extra_id_{n}>"):
            sentinel(wrong, n)


def test_as_many_candidates_are_fused_as_fit() -> None:
    texts = ["x" * 60, "y" * 60, "z" * 60]
    for n_ctx, n_fused in ((512, 3), (290, 2)):
        model = FakeT5(b"fused", n_ctx)
        fuser, asking = T5Fuser(cast(EncoderDecoder, model)), Asking("q")
        fusion = plan_fusion(fuser, asking, texts)
        assert fusion is not None
        events = write_fusion(fuser, fusion, asking)
        finished = next(event for event in events if isinstance(event, Finished))
        assert (fusion.n_candidates, finished.text, len(model.sources)) == (n_fused, "fused", 1)
    small = T5Fuser(cast(EncoderDecoder, FakeT5(b"fused", 100)))
    with pytest.raises(ContextFull, match="two of these candidates"):
        fuse(small, "q", texts)
    with pytest.raises(BadOption, match="1 candidate to fuse"):
        fuse(small, "q", texts[:1])


def test_instruction_and_input_are_read_apart_where_they_came_so() -> None:
    model = FakeT5(b"fused", 512)
    fused = fuse(T5Fuser(cast(EncoderDecoder, model)), "do", ["x", "y"], given="this")
    assert fused == "fused"
    assert model.sources == [write_source(t5_like(), "do", "this", ["x", "y"])]
