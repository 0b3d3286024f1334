"""Words of several vocabularies: who writes one ends it, and the mixture of words by brute force."""

import itertools
import logging

import numpy as np
import pytest

from fakes import fixed
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.decoding.sampling import Sampling
from localcollab.decoding.speculation import Draft
from localcollab.events import Token
from localcollab.language_model import Float32Array, log_softmax
from localcollab.methods.gates import Gate, always, never, random_gate, weighted_gate
from localcollab.methods.word_team import WordTeam
from localcollab.vocabularies.translated import TranslatedModel
from localcollab.vocabularies.words import word_starts
from tiny_vocabularies import CanonicalModel, masses, piece_vocabulary, sampled, word_probability

BASE = piece_vocabulary("a", "b", " ", bos=True)
OTHER = piece_vocabulary("a", "b", " ", "aba", " ab", "bb", bos=True)
START = BASE.encode("", bos=True)


def team(gate: Gate, *, compose: bool = False) -> WordTeam:
    expert = TranslatedModel(CanonicalModel(OTHER, seed=1, name="expert"), BASE)
    return WordTeam("team", CanonicalModel(BASE), [expert], gate, compose=compose)


def test_without_deferral_it_is_the_base() -> None:
    tokens = [*START, *sampled(CanonicalModel(BASE), 10)]
    found = team(never(1)).read(tokens, last=len(tokens))
    expected = CanonicalModel(BASE).read(tokens, last=len(tokens))
    np.testing.assert_array_equal(found.logits, expected.logits)
    assert list(found.members) == ["base"]


def test_a_word_has_one_author() -> None:
    for seed in range(20):
        events = list(
            generate(
                team(random_gate(0.5, 1, seed=seed)),
                START,
                Sampling(temperature=1.0, seed=seed),
                Limits(12),
            )
        )
        tokens = [event for event in events if isinstance(event, Token)]
        text = "".join(token.text for token in tokens).encode()
        ends = list(itertools.accumulate(len(token.text) for token in tokens))
        starts = [end - len(token.text) for end, token in zip(ends, tokens, strict=True)]
        words = [max(s for s in word_starts(text) if s <= start) for start in starts]
        authors = {(word, token.author) for word, token in zip(words, tokens, strict=True)}
        assert len(authors) == len(set(words)), (text, authors)


def test_a_reading_depends_on_nothing_read_before() -> None:
    tokens = [*START, *BASE.encode_bytes(b"ab a bbab ba")]
    for gate, compose in (
        (random_gate(0.5, 1), False),
        (weighted_gate(np.array([0.4, 0.6])), True),
    ):
        used = team(gate, compose=compose)
        for n in (4, 7, 2, len(tokens), 5, len(tokens)):
            fresh, found = team(gate, compose=compose).read(tokens[:n]), used.read(tokens[:n])
            np.testing.assert_allclose(found.logits, fresh.logits, atol=1e-5)
            np.testing.assert_array_equal(found.p_defer, fresh.p_defer)
        rows = used.read(tokens, last=4)
        np.testing.assert_allclose(rows.logits[1], used.read(tokens[:-2]).logits[0], atol=1e-5)


def test_an_expert_that_would_end_the_text_leaves_the_word_to_the_base() -> None:
    class Ending(CanonicalModel):
        def row(self, tokens: list[int]) -> Float32Array:  # type: ignore[override]
            row = np.full(OTHER.n_tokens, -5, np.float32)
            row[OTHER.eos] = 5
            return row

    base = CanonicalModel(BASE)
    found = WordTeam("t", base, [TranslatedModel(Ending(OTHER, name="expert"), BASE)], always(1))
    reading = found.read(START)
    np.testing.assert_array_equal(reading.logits[0], base.row(START))
    assert found.attribute(reading, 0) == "base"


def test_an_expert_that_cannot_write_the_text_abstains_once_with_a_note(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stranger = TranslatedModel(CanonicalModel(piece_vocabulary("a", bos=True), name="expert"), BASE)
    for compose in (False, True):
        found = WordTeam("team", CanonicalModel(BASE), [stranger], always(1), compose=compose)
        with caplog.at_level(logging.WARNING, logger="localcollab.note"):
            for text in (b"b", b"b b"):
                tokens = [*START, *BASE.encode_bytes(text)]
                reading = found.read(tokens)
                assert found.attribute(reading, int(reading.logits[0].argmax())) == "base"
                assert list(reading.members) == ["base"]
    said = [record.message.split(": ")[1] for record in caplog.records]
    assert said == ["expert does not write here"] * 2


def mixture_probability(text: bytes, share: float) -> float:
    """Of a text and its end, word by word."""
    base, expert = CanonicalModel(BASE), CanonicalModel(OTHER, seed=1)
    bounds, total = [*word_starts(text), len(text)], 1.0
    for at, end in itertools.pairwise(bounds):
        _, begins, stop = masses(base, text[:at])
        words = [word_probability(model, text[:at], text[at:end]) for model in (base, expert)]
        total *= (1 - stop / begins) * ((1 - share) * words[0] + share * words[1])
    _, begins, stop = masses(base, text)
    return total * stop / begins


def text_probability(model: WordTeam, text: bytes) -> float:
    """Of a text and its end, over all ways to write it."""

    def follow(tokens: list[int], left: bytes) -> float:
        row = np.exp(log_softmax(model.read(tokens).logits[0]).astype(np.float64))
        if not left:
            return float(row[BASE.eos])
        nexts = [t for t, p in enumerate(BASE.pieces) if p and left.startswith(p) and row[t] > 0]
        return sum(float(row[t]) * follow([*tokens, t], left[len(BASE.piece(t)) :]) for t in nexts)

    return follow(list(START), text)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.8])
@pytest.mark.parametrize("text", [b"", b"a", b"ba", b"ab a", b"bb ab", b"a  ", b"aba b"])
def test_the_mixture_of_words_is_that_of_its_formula(text: bytes, share: float) -> None:
    found = team(weighted_gate(np.array([1 - share, share])), compose=True)
    assert text_probability(found, text) == pytest.approx(
        mixture_probability(text, share), rel=2e-2
    )


def test_a_mixture_is_attributed_to_who_favours_the_token() -> None:
    found = team(weighted_gate(np.array([0.0, 1.0])), compose=True)
    tokens = [*START, *BASE.encode_bytes(b"ab")]
    reading = found.read(tokens)
    assert found.attribute(reading, int(reading.logits[0].argmax())) == "expert"
    assert set(reading.members) == {"base", "expert"}


def drafted(draft: Draft | None, seed: int) -> list[tuple[int, str]]:
    model = team(random_gate(0.5, 1, seed=seed))
    speculation = fixed(draft, 3) if draft else None
    sampling = Sampling(temperature=1.0, seed=seed)
    events = generate(model, START, sampling, Limits(12), speculation=speculation)
    return [(event.id, event.author) for event in events if isinstance(event, Token)]


@pytest.mark.parametrize("seed", range(8))
def test_a_draft_of_another_vocabulary_changes_nothing(seed: int) -> None:
    draft = Draft(TranslatedModel(CanonicalModel(OTHER, seed=1, name="draft"), BASE))
    assert drafted(draft, seed) == drafted(None, seed)


def test_a_draft_that_cannot_write_the_text_proposes_nothing() -> None:
    draft = Draft(TranslatedModel(CanonicalModel(piece_vocabulary("a", bos=True)), BASE))
    assert draft.propose([*START, *BASE.encode_bytes(b"b")], 3) == []
