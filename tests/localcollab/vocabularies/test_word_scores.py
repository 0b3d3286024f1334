"""Log-probabilities of words: by their formula, and adding up to those of the tokens."""

import numpy as np
import pytest

from localcollab.language_model import log_softmax
from localcollab.vocabularies.translated import TranslatedModel
from localcollab.vocabularies.word_scores import FLOOR, WordScorer, WordScores
from tiny_vocabularies import CanonicalModel, masses, piece_vocabulary, word_probability

BASE = piece_vocabulary("a", "b", " ", "ab", " a", "ba", bos=True)
OTHER = piece_vocabulary("a", "b", " ", "aba", " ab", "bb", bos=True)
MODEL, EXPERT = CanonicalModel(BASE), CanonicalModel(OTHER, seed=1, name="expert")
TEXT, WORDS = b"ab  ba bbab a", [b"ab", b"  ba", b" bbab", b" a"]
TOKENS = [*BASE.encode("", bos=True), *BASE.encode_bytes(TEXT), BASE.eos or 0]


def scores(hidden: bool = False) -> WordScores:
    scorer = WordScorer([MODEL, TranslatedModel(EXPERT, BASE)])
    return scorer.score(TOKENS, [(1, len(TOKENS))], hidden=hidden)


def test_each_word_has_the_probability_of_the_formula() -> None:
    found = scores()
    assert found.n_bytes.tolist() == [*map(len, WORDS), 0]
    for row, word in enumerate(WORDS):
        before = b"".join(WORDS[:row])
        expected = [word_probability(model, before, word) for model in (MODEL, EXPERT)]
        np.testing.assert_allclose(np.exp(found.logprobs[row]), expected, rtol=1e-4)


def test_the_end_is_one_of_what_may_stand_behind_a_word() -> None:
    expected = [
        np.log(end / begins) for _, begins, end in (masses(m, TEXT) for m in (MODEL, EXPERT))
    ]
    np.testing.assert_allclose(scores().logprobs[-1], expected, rtol=1e-4)


def test_together_they_are_the_tokens() -> None:
    found = scores()
    total = found.logprobs[:, 0].sum() + found.goes_on[:, 0].sum()
    tokens = range(1, len(TOKENS))
    expected = sum(log_softmax(MODEL.row(TOKENS[:n]))[TOKENS[n]] for n in tokens)
    assert total == pytest.approx(expected, rel=1e-4)


def test_positions_are_where_the_words_begin_in_the_bases_tokens() -> None:
    found = scores(hidden=True)
    begins = [b"".join(WORDS[:n]) for n in range(len(WORDS) + 1)]
    assert list(found.positions) == [1 + len(BASE.encode_bytes(text)) for text in begins]
    assert found.hidden is not None
    assert found.hidden.shape == (5, 4)


def test_a_word_that_is_bounded_in_one_vocabulary_only_joins_the_next() -> None:
    crossing = piece_vocabulary("a", "b", " ", "b a", bos=True)
    scorer = WordScorer([MODEL, TranslatedModel(CanonicalModel(crossing), BASE)])
    tokens = [*BASE.encode("", bos=True), *BASE.encode_bytes(b"ab a b"), BASE.eos or 0]
    assert scorer.score(tokens, [(1, len(tokens))]).n_bytes.tolist() == [4, 2, 0]


def test_a_member_that_cannot_write_the_text_has_the_floor() -> None:
    scorer = WordScorer(
        [MODEL, TranslatedModel(CanonicalModel(piece_vocabulary("a", bos=True)), BASE)]
    )
    found = scorer.score(TOKENS, [(1, len(TOKENS))])
    assert (found.logprobs[:, 1] == FLOOR).all()
    assert not found.is_argmax[:, 1].any()


def test_without_an_end_the_last_word_is_left_out() -> None:
    scorer = WordScorer([MODEL, TranslatedModel(EXPERT, BASE)])
    assert scorer.score(TOKENS, [(1, len(TOKENS) - 1)]).n_bytes.tolist() == [2, 4, 5]
