"""A model in another's ids: probabilities by brute force on vocabularies of a few pieces."""

from collections.abc import Iterator

import numpy as np
import pytest

from localcollab.errors import BadOption, VocabularyMismatch
from localcollab.language_model import LanguageModel, log_softmax
from localcollab.vocabularies.translated import TranslatedModel
from localcollab.vocabularies.words import Beginners, Kind
from localcollab.vocabulary import Vocabulary
from tiny_vocabularies import CanonicalModel, piece_vocabulary, sampled

SMALL = piece_vocabulary("a", "b", " ", "ab", " a", "ba", bos=True)
OTHER = piece_vocabulary("a", "b", " ", "aba", " ab", "bb", bos=True)
LETTERS = piece_vocabulary("a", "b", " ", bos=True)
VOCABULARIES = [SMALL, OTHER, LETTERS]


def start(vocabulary: Vocabulary) -> list[int]:
    return vocabulary.encode("", bos=True)


def all_texts(longest: int) -> Iterator[bytes]:
    for n in range(longest + 1):
        for k in range(3**n):
            yield bytes(b"ab "[k // 3**i % 3] for i in range(n))


def own_probability(model: CanonicalModel, text: bytes) -> float:
    """Of the text and its end, in the model's own tokens."""
    tokens = [*start(model.vocabulary), *model.vocabulary.encode_bytes(text)]
    total = 0.0
    for n, token in enumerate([*tokens[1:], model.vocabulary.eos], 1):
        assert token is not None
        total += float(log_softmax(model.row(tokens[:n]))[token])
    return float(np.exp(total))


def text_probabilities(model: LanguageModel, longest: int) -> dict[bytes, float]:
    """Of all texts and their end, over all ways to write them in the model's ids."""
    found: dict[bytes, float] = {}

    def follow(tokens: list[int], text: bytes, p: float) -> None:
        row = np.exp(log_softmax(model.read(tokens).logits[-1]))
        for token in np.flatnonzero(row > 0).tolist():
            if token in model.vocabulary.end:
                found[text] = found.get(text, 0.0) + p * float(row[token])
            else:
                longer = text + model.vocabulary.piece(token)
                if len(longer) <= longest:
                    follow([*tokens, token], longer, p * float(row[token]))

    follow(start(model.vocabulary), b"", 1.0)
    return found


@pytest.mark.parametrize("outer", VOCABULARIES)
@pytest.mark.parametrize("inner", VOCABULARIES)
def test_it_writes_each_text_as_often_as_the_model_itself(
    inner: Vocabulary, outer: Vocabulary
) -> None:
    model = CanonicalModel(inner)
    found = text_probabilities(TranslatedModel(model, outer), 4)
    for text in all_texts(4):
        assert found.get(text, 0.0) == pytest.approx(
            own_probability(model, text), rel=1e-2, abs=1e-5
        )


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_with_equal_vocabularies_it_is_the_model(vocabulary: Vocabulary) -> None:
    model = CanonicalModel(vocabulary)
    translated = TranslatedModel(CanonicalModel(vocabulary), vocabulary)
    tokens = [*start(vocabulary), *sampled(model, 12)]
    for n in range(1, len(tokens) + 1):
        expected = log_softmax(model.row(tokens[:n]))
        expected[sorted(vocabulary.control - vocabulary.end)] = -np.inf
        np.testing.assert_allclose(translated.read(tokens[:n]).logits[0], expected, atol=1e-5)


@pytest.mark.parametrize("outer", VOCABULARIES)
def test_how_the_text_was_tokenized_changes_nothing(outer: Vocabulary) -> None:
    text = b"ab a baab ba"
    once = [*start(outer), *outer.encode_bytes(text)]
    letters = [*start(outer), *(outer.token_of[bytes([byte])] for byte in text)]
    model = CanonicalModel(SMALL)
    one, other = (TranslatedModel(model, outer).read(tokens).logits for tokens in (once, letters))
    np.testing.assert_array_equal(one, other)


def test_a_reading_depends_on_nothing_read_before() -> None:
    tokens = [*start(OTHER), *OTHER.encode_bytes(b"ab a bbab ba")]
    used, model = TranslatedModel(CanonicalModel(SMALL), OTHER), CanonicalModel(SMALL)
    for n in (3, 7, 2, len(tokens), 5, len(tokens)):
        fresh = TranslatedModel(model, OTHER).read(tokens[:n]).logits
        np.testing.assert_array_equal(used.read(tokens[:n]).logits, fresh)
    rows = used.read(tokens, last=4).logits
    np.testing.assert_array_equal(rows[0], used.read(tokens[:-3]).logits[0])


def test_every_reading_sums_to_one() -> None:
    translated = TranslatedModel(CanonicalModel(SMALL), OTHER)
    tokens = [*start(OTHER), *OTHER.encode_bytes(b"ab bbba  abab")]
    totals = np.exp(translated.read(tokens, last=len(tokens)).logits).sum(axis=1)
    np.testing.assert_allclose(totals, 1, rtol=1e-5)


def test_inner_reads_each_of_its_tokens_once() -> None:
    model = CanonicalModel(SMALL)
    tokens = [*start(LETTERS), *LETTERS.encode_bytes(b"ab ab ab ab ab ab ab ab ab ab")]
    translated = TranslatedModel(model, LETTERS)
    for n in range(1, len(tokens) + 1):
        translated.read(tokens[:n], last=0)
    assert model.n_evaluated <= len(SMALL.encode_bytes(b"ab ab ab ab ab ab ab ab ab ab")) + 1


def test_half_a_character_is_continued_by_the_other_half() -> None:
    whole = piece_vocabulary("é", "e", b"\xc3", b"\xa9", bos=True)
    halves = piece_vocabulary("e", b"\xc3", b"\xa9", bos=True)
    translated = TranslatedModel(CanonicalModel(whole), halves)
    p_first = np.exp(translated.read(start(halves)).logits[0])
    p_other = np.exp(translated.read([*start(halves), 1]).logits[0])
    p_whole = np.exp(log_softmax(CanonicalModel(whole).row(start(whole))))[0]
    assert p_first[1] * p_other[2] == pytest.approx(p_whole, rel=1e-5)


def test_a_model_that_cannot_write_the_text_says_so() -> None:
    translated = TranslatedModel(CanonicalModel(piece_vocabulary("a", bos=True)), SMALL)
    with pytest.raises(VocabularyMismatch, match="'base' cannot read this text: no token writes"):
        translated.read([*start(SMALL), 1])


def test_hidden_states_are_refused() -> None:
    translated = TranslatedModel(CanonicalModel(SMALL), OTHER)
    with pytest.raises(BadOption, match="hidden states of its own tokens"):
        translated.read(start(OTHER), hidden=True)


@pytest.mark.parametrize("inner", VOCABULARIES)
def test_behind_a_whole_word_one_row_says_what_begins_the_next(inner: Vocabulary) -> None:
    """As `read`, among the tokens that begin a word; it evaluates no less than it must."""
    tokens = [*start(LETTERS), *LETTERS.encode_bytes(b"ab a ba")]
    translated = TranslatedModel(CanonicalModel(inner), LETTERS)
    begins = Beginners(LETTERS).after(Kind.WORD)
    once = np.exp(translated.after_word(tokens))[begins]
    full = np.exp(translated.read(tokens).logits[0])[begins]
    np.testing.assert_allclose(once / once.sum(), full / full.sum(), atol=1e-6)
    again = TranslatedModel(CanonicalModel(inner), LETTERS)
    again.read(tokens)
    np.testing.assert_allclose(np.exp(again.after_word(tokens))[begins], once, atol=1e-6)
