import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import ScriptedModel
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.decoding.repetition import (
    MIN_COVER_WITHOUT_WORDS,
    Loop,
    LoopDetector,
    unit_of,
    units_at_end,
)
from localcollab.events import Finished, Token
from localcollab.llama.tokenizer import load_vocabulary
from repetitive_texts import Text, texts

_PIECES = re.compile(r"\s?\w{1,4}|\s|[^\w\s]{1,4}")


def first_loop(tokens: Sequence[int], detector: LoopDetector) -> tuple[int, Loop] | None:
    """After how many tokens, and which."""
    for n, token in enumerate(tokens, start=1):
        loop = detector.add(token)
        if loop:
            return n, loop
    return None


def words(token: int) -> bytes:
    return f"word{token} ".encode()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 128), st.integers(0, 300), st.randoms(use_true_random=False))
def test_an_exact_loop_is_found_within_four_periods_or_200_tokens_and_16(
    period: int, n_before: int, random: object
) -> None:
    before = [10_000 + n for n in range(n_before)]
    unit = list(range(period))
    found = first_loop([*before, *(unit * 300)[:3000]], LoopDetector(words))
    assert found is not None
    n, loop = found
    assert loop == Loop(n_before, period, (n - n_before) // period)
    assert n - n_before <= max(4 * period, 200) + 16


def test_a_unit_is_named_by_its_shortest_period() -> None:
    found = first_loop([1, 2] * 200, LoopDetector(words))
    assert found is not None
    assert unit_of([1, 2] * 200, found[1]) == (1, 2)


def test_three_copies_of_a_long_unit_are_no_loop() -> None:
    assert first_loop(list(range(128)) * 3, LoopDetector(words)) is None


def test_a_unit_without_words_is_given_longer() -> None:
    zeros = LoopDetector(lambda token: b"0")
    found = first_loop([7] * 600, zeros)
    assert found is not None
    assert found[0] == MIN_COVER_WITHOUT_WORDS


def test_an_allowed_unit_goes_on_wherever_its_loop_is_entered() -> None:
    assert first_loop([1, 2, 3] * 200, LoopDetector(words, [(3, 1, 2)])) is None


def fired(corpus: Sequence[tuple[Text, Sequence[int]]], piece: object) -> list[str]:
    return [
        text.kind for text, tokens in corpus if first_loop(tokens, LoopDetector(piece))  # type: ignore[arg-type]
    ]  # fmt: skip


def test_right_texts_that_repeat_themselves_are_left_alone() -> None:
    """At most one in a hundred of the corpus, in pieces of at most four letters."""
    pieces: dict[str, int] = {}
    corpus = [
        (text, [pieces.setdefault(piece, len(pieces)) for piece in _PIECES.findall(text.text)])
        for text in texts()
    ]
    spelled = [piece.encode() for piece in pieces]
    assert len(corpus) >= 300
    assert len(fired(corpus, spelled.__getitem__)) <= len(corpus) / 100


@pytest.mark.real
@pytest.mark.parametrize("model", ["smollm2", "gemma"])
def test_real_tokenizers_leave_them_alone_too(model: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(model)
    vocabulary = load_vocabulary(path)
    corpus = [(text, vocabulary.encode(text.text)) for text in texts()]
    assert fired(corpus, vocabulary.piece) == ["long number"]  # 2^586 in binary: 517 zeros


def looping() -> ScriptedModel:
    return ScriptedModel(b"Well: " + b"again and " * 60, n_ctx=2048)


def test_an_answer_in_a_loop_ends_and_keeps_the_first_copy() -> None:
    events = list(generate(looping(), [1], limits=Limits()))
    done = events[-1]
    assert isinstance(done, Finished)
    assert (done.reason, done.text) == ("repetition", "Well: again and")
    assert done.tokens == tuple(b"Well: again and")
    n_streamed = sum(isinstance(event, Token) for event in events)
    assert done.n_repeated == n_streamed - len(done.tokens)
    assert dict(done.authors) == {"base": len(done.tokens)}


def test_a_loop_may_be_allowed_or_every_loop() -> None:
    for limits in (Limits(allowed_loops=(tuple(b"again and "),)), Limits(ends_loops=False)):
        done = list(generate(looping(), [1], limits=limits))[-1]
        assert isinstance(done, Finished)
        assert (done.reason, done.n_repeated) == ("end", 0)


def test_a_first_copy_that_ends_within_a_character_keeps_the_whole_character() -> None:
    # é and ã end in the same byte, so the loop begins in the middle of ã's successor.
    assert "é".encode()[1:] == "ũ".encode()[1:]
    model = ScriptedModel("ũwords and ".encode() + "éwords and ".encode() * 40, n_ctx=2048)
    done = list(generate(model, [1]))[-1]
    assert isinstance(done, Finished)
    assert done.reason == "repetition"
    assert "\N{REPLACEMENT CHARACTER}" not in done.text


def test_the_loop_that_an_answer_is_in_may_go_on() -> None:
    assert units_at_end([9, 8, *[1, 2, 3] * 80], words, is_loop=False) == ((1, 2, 3),)
    assert units_at_end([9, 8, 1, 2, 3], words, is_loop=False) == ()


def test_after_a_loop_was_cut_a_unit_of_any_length_may_go_on() -> None:
    units = units_at_end([9, 8, 1, 2, 3], words, is_loop=True)
    assert units == ((3,), (2, 3), (1, 2, 3), (8, 1, 2, 3), (9, 8, 1, 2, 3))
    assert first_loop([1, 2, 3] * 200, LoopDetector(words, units)) is None
