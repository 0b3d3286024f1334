"""A model's distribution over another's tokens: by brute force over continuations, and its bytes."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import examples
from localcollab.language_model import log_softmax
from localcollab.vocabularies.lifted import UNREAD, LiftedModel
from localcollab.vocabulary import Vocabulary
from tiny_vocabularies import CanonicalModel, own_tokens, piece_vocabulary, sampled

SMALL = piece_vocabulary("a", "b", " ", "ab", " a", "ba", bos=True)
OTHER = piece_vocabulary("a", "b", " ", "aba", " ab", "bb", bos=True)
LONG = piece_vocabulary("a", "b", " ", "ab", "abab", " ba", "abb", bos=True)
LETTERS = piece_vocabulary("a", "b", " ", bos=True)
VOCABULARIES = [SMALL, OTHER, LONG, LETTERS]
TEXTS = [b"", b"a", b"ab", b"b a", b"ab ab", b"aab b", b"ba aba"]


def start(vocabulary: Vocabulary) -> list[int]:
    return vocabulary.encode("", bos=True)


def continuations(model: CanonicalModel, text: bytes, beyond: int) -> Iterator[tuple[bytes, float]]:
    """(what the model writes, its probability): all that begin with `text`, until `beyond` bytes more;
    a text that ends sooner has a 0 byte behind it."""

    def follow(tokens: list[int], written: bytes, p: float) -> Iterator[tuple[bytes, float]]:
        if len(written) >= len(text) + beyond:
            yield written, p
            return
        row = np.exp(log_softmax(model.row(tokens)).astype(np.float64))
        for token in np.flatnonzero(row > 0).tolist():
            if token in model.vocabulary.end:
                if len(written) >= len(text):
                    yield written + b"\0", p * float(row[token])
                continue
            longer = written + model.vocabulary.piece(token)
            if longer.startswith(text) or text.startswith(longer):
                yield from follow([*tokens, token], longer, p * float(row[token]))

    yield from follow(model.vocabulary.encode("", bos=True), b"", 1.0)


def next_tokens(model: CanonicalModel, base: Vocabulary, text: bytes) -> np.ndarray:
    """P(the base's next token | text, which is whole tokens to the base), over all continuations."""
    found = np.zeros(base.n_tokens)
    for written, p in continuations(model, text, base.longest_piece):
        is_whole = written.endswith(b"\0")
        ends, at = list[int](), 0
        tokens = base.encode_bytes(written.rstrip(b"\0"))
        for token in tokens:
            ends.append(at)
            at += len(base.piece(token))
        if is_whole and at == len(text):
            found[base.eos] += p
        elif len(text) in ends:
            found[tokens[ends.index(len(text))]] += p
    return np.asarray(found / found.sum())


def lifted(inner: Vocabulary, base: Vocabulary, unread: float = UNREAD) -> LiftedModel:
    guide = CanonicalModel(base, seed=1)
    return LiftedModel(CanonicalModel(inner, name="in"), guide, unread=unread)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("base", VOCABULARIES)
@pytest.mark.parametrize("inner", VOCABULARIES)
def test_read_to_the_end_it_is_the_distribution_over_continuations(
    inner: Vocabulary, base: Vocabulary, text: bytes
) -> None:
    found = np.exp(lifted(inner, base, unread=0).read(own_tokens(base, text)).logits[0])
    expected = next_tokens(CanonicalModel(inner), base, text)
    np.testing.assert_allclose(found, expected, atol=1e-6)


longer_pieces = st.lists(st.text("ab ", min_size=2, max_size=4), max_size=5, unique=True)


@settings(max_examples=examples(150))
@given(longer_pieces, longer_pieces, st.text("ab ", max_size=5).map(str.encode))
def test_whatever_the_tokens_cross_it_is_that_distribution(
    inner: list[str], base: list[str], text: bytes
) -> None:
    """Of words, blanks and each other."""
    ours, theirs = (piece_vocabulary("a", "b", " ", *each, bos=True) for each in (base, inner))
    found = np.exp(lifted(theirs, ours, unread=0).read(own_tokens(ours, text)).logits[0])
    expected = next_tokens(CanonicalModel(theirs), ours, text)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.exp(lifted(theirs, ours).read(own_tokens(ours, text)).logits[0]).sum() == (
        pytest.approx(1, abs=1e-5)
    )


@pytest.mark.parametrize("base", VOCABULARIES)
@pytest.mark.parametrize("inner", VOCABULARIES)
@pytest.mark.parametrize("unread", [0.1, 1.0])
def test_the_bytes_have_their_exact_probabilities_even_unread(
    unread: float, inner: Vocabulary, base: Vocabulary
) -> None:
    model = CanonicalModel(inner)
    found = np.exp(lifted(inner, base, unread=unread).read(start(base)).logits[0])
    for byte in (b"a", b"b", b" "):
        ours = sum(p for t, p in enumerate(found) if base.piece(t).startswith(byte))
        theirs = sum(p for text, p in continuations(model, b"", 1) if text.startswith(byte))
        assert ours == pytest.approx(theirs, rel=1e-5)


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_with_equal_vocabularies_it_is_the_model(vocabulary: Vocabulary) -> None:
    model = CanonicalModel(vocabulary, name="in")
    tokens = [*start(vocabulary), *sampled(model, 12)]
    found = lifted(vocabulary, vocabulary)
    for n in range(1, len(tokens) + 1):
        expected = log_softmax(model.row(tokens[:n]))
        expected[sorted(vocabulary.control - vocabulary.end)] = -np.inf
        np.testing.assert_allclose(found.read(tokens[:n]).logits[0], expected, atol=1e-5)


@pytest.mark.parametrize("inner", VOCABULARIES)
def test_how_the_text_was_tokenized_changes_nothing(inner: Vocabulary) -> None:
    text = b"ab a baab ba"
    once = own_tokens(LONG, text)
    letters = [*start(LONG), *(LONG.token_of[bytes([byte])] for byte in text)]
    one, other = (lifted(inner, LONG, unread=0).read(tokens).logits for tokens in (once, letters))
    np.testing.assert_allclose(np.exp(one), np.exp(other), atol=1e-6)


@pytest.mark.parametrize("base", VOCABULARIES)
def test_every_reading_sums_to_one(base: Vocabulary) -> None:
    tokens = own_tokens(base, b"ab bbba  abab")
    totals = np.exp(lifted(SMALL, base).read(tokens, last=len(tokens)).logits).sum(axis=1)
    np.testing.assert_allclose(totals, 1, rtol=1e-5)


def test_what_is_not_read_on_is_divided_as_the_base_would() -> None:
    found = np.exp(lifted(LETTERS, LONG, unread=1.0).read(start(LONG)).logits[0])
    model, base = CanonicalModel(LETTERS), CanonicalModel(LONG, seed=1)
    p_a = np.exp(log_softmax(model.row(start(LETTERS))))[LETTERS.token_of[b"a"]]
    guide = np.exp(log_softmax(base.row(start(LONG))))
    begins = [t for t in range(LONG.n_tokens) if LONG.piece(t).startswith(b"a")]
    np.testing.assert_allclose(found[begins], p_a * guide[begins] / guide[begins].sum(), rtol=1e-5)


def test_a_reading_depends_on_nothing_read_before() -> None:
    tokens = own_tokens(OTHER, b"ab a bbab ba")
    used = lifted(SMALL, OTHER)
    for n in (3, 7, 2, len(tokens), 5, len(tokens)):
        fresh = lifted(SMALL, OTHER).read(tokens[:n]).logits
        np.testing.assert_array_equal(used.read(tokens[:n]).logits, fresh)
    rows = used.read(tokens, last=4).logits
    np.testing.assert_array_equal(rows[0], used.read(tokens[:-3]).logits[0])
