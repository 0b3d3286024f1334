"""Any bytes: characters of every plane, bytes that are none, halves of characters at the boundary.

A stranger's next byte has the probability that its model gives it over all its tokens, or it abstains.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byte_strings import any_bytes
from conftest import examples
from localcollab.errors import UnknownCharacter, VocabularyMismatch
from localcollab.language_model import log_softmax
from localcollab.methods.gates import always, weighted_gate
from localcollab.methods.word_team import WordTeam
from localcollab.vocabularies.encoded import EncodedText
from localcollab.vocabularies.lifted import LiftedModel
from localcollab.vocabularies.translated import TranslatedModel
from localcollab.vocabulary import Vocabulary
from tiny_vocabularies import CanonicalModel, piece_vocabulary

BYTES = [bytes([byte]) for byte in range(256)]
LONGER = ("é", "日", "本", "😀", " the", "th", b"\xf0\x9f", b"\xc3", "\U0010ffff", "\r\n", "a b")
INNER = piece_vocabulary(*BYTES, *LONGER, bos=True)
BASE = piece_vocabulary(*BYTES, bos=True)
LOSSY = piece_vocabulary(*(byte for byte in BYTES if byte not in b"\x04\xf1\xc3"), "é", bos=True)
START = BASE.encode("", bos=True)


def probability_of(model: CanonicalModel, data: bytes) -> float:
    """That what the model writes begins with `data`: over all its tokens that agree."""

    def follow(tokens: list[int], left: bytes) -> float:
        if not left:
            return 1.0
        row = np.exp(log_softmax(model.row(tokens)).astype(np.float64))
        total = 0.0
        for token in np.flatnonzero(row > 0).tolist():
            piece = model.vocabulary.piece(token)
            if piece and left.startswith(piece):
                total += row[token] * follow([*tokens, token], left[len(piece) :])
            elif piece and piece.startswith(left):
                total += row[token]
        return total

    return follow(model.vocabulary.encode("", bos=True), data)


MODEL = CanonicalModel(INNER, name="in")
STRANGERS = (
    TranslatedModel(MODEL, BASE),
    LiftedModel(MODEL, CanonicalModel(BASE, seed=1), unread=0.0),
)


@pytest.mark.parametrize("stranger", STRANGERS)
@settings(max_examples=examples(30))
@given(data=any_bytes(max_bytes=6))
def test_the_next_byte_has_the_models_own_probability(
    stranger: TranslatedModel, data: bytes
) -> None:
    found = np.exp(stranger.read([*START, *data]).logits[0])
    known = probability_of(MODEL, data)
    for byte in {0x20, 0x61, 0x9F, 0xA9, 0xC3, *data[:2]}:
        expected = probability_of(MODEL, data + bytes([byte])) / known
        assert found[byte] == pytest.approx(expected, rel=0.02, abs=2e-3)


def is_written(vocabulary: Vocabulary, data: bytes) -> bool:
    try:
        return bool(vocabulary.encode_bytes(data)) or not data
    except UnknownCharacter:
        return False


@pytest.mark.parametrize("lifts", [False, True])
@settings(max_examples=examples(40))
@given(data=any_bytes(max_bytes=8))
def test_a_member_that_loses_bytes_reads_a_text_or_abstains(lifts: bool, data: bytes) -> None:
    inner = CanonicalModel(LOSSY, name="in")
    stranger = TranslatedModel(inner, BASE)
    if lifts:
        stranger = LiftedModel(inner, CanonicalModel(BASE))
    tokens = [*START, *data]
    if not is_written(LOSSY, data):
        with pytest.raises(VocabularyMismatch, match="'in' cannot read this text: no token writes"):
            stranger.read(tokens)
        return
    logits = stranger.read(tokens).logits[0]
    assert np.exp(logits.astype(np.float64)).sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("compose", [False, True])
@settings(max_examples=examples(20))
@given(data=any_bytes(max_bytes=6))
def test_a_team_goes_on_where_a_member_abstains(compose: bool, data: bytes) -> None:
    expert = TranslatedModel(CanonicalModel(LOSSY, seed=1, name="expert"), BASE)
    gate = weighted_gate(np.array([0.5, 0.5], np.float32)) if compose else always(1)
    team = WordTeam("t", CanonicalModel(BASE), [expert], gate, compose=compose)
    reading = team.read([*START, *data])
    assert np.isfinite(reading.logits).any()
    assert (expert.name in reading.members) <= is_written(LOSSY, data)


@settings(max_examples=examples(60))
@given(data=any_bytes(max_bytes=24), cut=st.integers(0, 24))
def test_a_text_that_grows_within_a_character_has_the_tokens_of_its_whole(
    data: bytes, cut: int
) -> None:
    grown = EncodedText(INNER)
    grown.update(data[:cut])
    grown.update(data)
    whole = EncodedText(INNER)
    whole.update(data)
    assert (grown.tokens, grown.ends) == (whole.tokens, whole.ends)
    assert b"".join(map(INNER.piece, grown.tokens)) == data
