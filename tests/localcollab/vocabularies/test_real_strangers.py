"""SmolLM2 and Gemma as one team: words of both, each of their tokens read once, any bytes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from byte_strings import any_bytes
from conftest import examples
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.decoding.speculation import Draft
from localcollab.errors import UnknownCharacter, VocabularyMismatch
from localcollab.events import Token
from localcollab.language_model import LanguageModel, Wrapper, log_softmax
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.probe import probe
from localcollab.llama.weights import load_weights
from localcollab.methods.gates import random_gate
from localcollab.methods.logits import contrasted, mixed, proxy_tuned
from localcollab.methods.word_team import WordTeam
from localcollab.vocabularies.lifted import LiftedModel
from localcollab.vocabularies.spelling import Spelling, spell
from localcollab.vocabularies.translated import TranslatedModel
from localcollab.vocabulary import Vocabulary

pytestmark = [pytest.mark.real, pytest.mark.slow]
TEXT = (
    "The river rises in the mountains of the north, and runs for three hundred kilometres "
    "through forests and old towns before it reaches the sea. "
)
Pair = tuple[LlamaModel, LlamaModel]


def opened(path: Path, name: str) -> LlamaModel:
    verdict, options = probe(path), Options(n_ctx=512)
    weights = load_weights(Path(verdict.path), options, extra_buffers=verdict.extra_buffers)
    return LlamaModel(weights, options, name=name)


@pytest.fixture(scope="module")
def models(smollm2: Path, gemma: Path) -> Pair:
    return opened(smollm2, "smollm2"), opened(gemma, "gemma")


@pytest.fixture(scope="module")
def spellings(models: Pair) -> dict[str, Spelling]:
    """By the inner model."""
    smollm2, gemma = (model.vocabulary for model in models)
    return {"smollm2": spell(smollm2, gemma), "gemma": spell(gemma, smollm2)}


def through(inner: LlamaModel, base: LlamaModel, spellings: dict[str, Spelling]) -> TranslatedModel:
    return TranslatedModel(inner, base.vocabulary, spellings[inner.name])


def written(model: LanguageModel, text: str, n: int) -> tuple[list[int], list[Token]]:
    prompt = model.vocabulary.encode(text, bos=True)
    events = [e for e in generate(model, prompt, limits=Limits(n)) if isinstance(e, Token)]
    return prompt, events


@pytest.mark.parametrize("swapped", [False, True])
def test_words_of_both_and_every_token_is_read_once(
    swapped: bool, models: Pair, spellings: dict[str, Spelling]
) -> None:
    base, expert = reversed(models) if swapped else models
    team = WordTeam("t", base, [through(expert, base, spellings)], random_gate(0.5, 1, seed=3))
    for model in models:
        model.forget()
    before = expert.n_evaluated
    prompt, events = written(team, TEXT, 40)
    assert {event.author for event in events} == {"smollm2", "gemma"}
    tokens = [*prompt, *(event.id for event in events)]
    own = len(expert.vocabulary.encode(base.vocabulary.decode(tokens), bos=True))
    assert expert.n_evaluated - before <= 1.1 * own


def test_the_stranger_predicts_what_the_model_itself_predicts(
    models: Pair, spellings: dict[str, Spelling]
) -> None:
    """After a whole word, the next word's first token: where both spell it alike, equally probable."""
    smollm2, gemma = models
    stranger = through(gemma, smollm2, spellings)
    theirs = smollm2.vocabulary.encode(TEXT[:-1])
    found = np.exp(log_softmax(stranger.read(theirs).logits[0]))
    own = np.exp(log_softmax(gemma.read(gemma.vocabulary.encode(TEXT[:-1], bos=True)).logits[0]))
    for token in own.argsort()[-3:]:
        piece = gemma.vocabulary.piece(int(token))
        assert found[smollm2.vocabulary.token_of[piece]] == pytest.approx(own[token], rel=0.1)


def test_a_drafts_proposals_are_accepted(models: Pair, spellings: dict[str, Spelling]) -> None:
    smollm2, gemma = models
    draft = Draft(through(smollm2, gemma, spellings))
    prompt = gemma.vocabulary.encode(TEXT, bos=True)
    target, accepted = list(prompt), 0
    for _ in range(12):
        proposal = draft.propose(target, 1)
        target.append(int(gemma.read(target).logits[-1].argmax()))
        accepted += proposal == target[-1:]
    assert accepted > 0


def lifted(inner: LlamaModel, base: LlamaModel, spellings: dict[str, Spelling]) -> LiftedModel:
    spelling, back = spellings[inner.name], spellings[base.name]
    return LiftedModel(inner, base, spelling=spelling, back=back)


TEXTS = (
    TEXT,
    "Die Verwaltungsgerichtsbarkeit entscheidet über öffentlich-rechtliche Streitigkeiten.",
    "def parse_arguments(argv: Sequence[str]) -> argparse.Namespace:\n    parser =",
)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("swapped", [False, True])
def test_for_arithmetic_each_reads_little_more_than_its_own_tokens(
    swapped: bool, text: str, models: Pair, spellings: dict[str, Spelling]
) -> None:
    base, other = reversed(models) if swapped else models
    team = mixed("t", [base, lifted(other, base, spellings)], of_logs=True)
    for model in models:
        model.forget()
    before = [model.n_evaluated for model in (base, other)]
    prompt, events = written(team, text, 24)
    tokens = [*prompt, *(event.id for event in events)]
    own = len(other.vocabulary.encode(base.vocabulary.decode(tokens), bos=True))
    read = [model.n_evaluated - n for model, n in zip((base, other), before, strict=True)]
    assert read[0] <= len(tokens)
    assert read[1] <= 1.3 * own


def test_a_stranger_steers_and_contrasts_token_by_token(
    models: Pair, spellings: dict[str, Spelling]
) -> None:
    smollm2, gemma = models
    tokens = smollm2.vocabulary.encode(TEXT[:-1], bos=True)
    stranger = lifted(gemma, smollm2, spellings)
    own = smollm2.read(tokens).logits[-1].copy()
    still = proxy_tuned("p", smollm2, stranger, named(stranger, "anti"), alpha=2)
    np.testing.assert_allclose(still.read(tokens).logits[-1], own, atol=1e-4)
    contrast = contrasted("c", smollm2, stranger, beta=0.5).read(tokens).logits[-1]
    assert 1 < np.isfinite(contrast).sum() < 200
    assert not np.array_equal(contrast[np.isfinite(contrast)], own[np.isfinite(contrast)])


def named(model: LanguageModel, name: str) -> LanguageModel:
    class Named(Wrapper):
        @property
        def name(self) -> str:
            return name

    return Named(model)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("swapped", [False, True])
def test_the_next_byte_has_the_probability_that_the_model_gives_it(
    swapped: bool, text: str, models: Pair, spellings: dict[str, Spelling]
) -> None:
    """At the end of a text between tokens of both: what inner's next token begins with."""
    base, inner = reversed(models) if swapped else models
    prompt = [*base.vocabulary.encode(text, bos=True), min(base.vocabulary.end)]
    found = np.exp(lifted(inner, base, spellings).read(prompt).logits[0])
    own = inner.read(inner.vocabulary.encode(text, bos=True)).logits[0]
    p = np.exp(log_softmax(own))
    for byte in (b" ", b"\n", b"a", b"T", b"(", b"\xc3"):
        theirs = first_byte(inner.vocabulary, p, byte)
        assert first_byte(base.vocabulary, found, byte) == pytest.approx(theirs, abs=1e-3)


def first_byte(vocabulary: Vocabulary, p: np.ndarray, byte: bytes) -> float:
    return float(p[[piece.startswith(byte) for piece in vocabulary.pieces]].sum())


def test_however_a_prefix_is_tokenized_the_distribution_is_nearly_the_same(
    models: Pair, spellings: dict[str, Spelling]
) -> None:
    """Inner reads the same text; the guide, which divides what is open, reads other tokens."""
    smollm2, gemma = models
    stranger = lifted(gemma, smollm2, spellings)
    text = TEXT[:60].encode()
    once = smollm2.vocabulary.encode_bytes(text)
    bytewise = [smollm2.vocabulary.token_of[bytes([byte])] for byte in text]
    one, other = (np.exp(stranger.read(tokens).logits[0]) for tokens in (once, bytewise))
    assert np.abs(one - other).sum() / 2 <= 0.05


@settings(max_examples=examples(60))
@given(any_bytes(max_bytes=24))
def test_any_bytes_are_written_exactly_or_refused(models: Pair, data: bytes) -> None:
    for model in models:
        try:
            tokens: Sequence[int] = model.vocabulary.encode_bytes(data)
        except UnknownCharacter:
            assert model.name == "smollm2"  # Gemma has a token for every byte
            continue
        assert b"".join(map(model.vocabulary.piece, tokens)) == data


@pytest.mark.parametrize("swapped", [False, True])
@settings(max_examples=examples(12))
@given(data=any_bytes(max_bytes=10))
def test_after_any_bytes_a_stranger_reads_them_or_abstains(
    swapped: bool, models: Pair, spellings: dict[str, Spelling], data: bytes
) -> None:
    base, inner = reversed(models) if swapped else models
    try:
        tokens = [*base.vocabulary.encode("The ", bos=True), *base.vocabulary.encode_bytes(data)]
        inner.vocabulary.encode_bytes(b"The " + data)
    except UnknownCharacter:
        return  # the base cannot say it, or the next test sees it refused
    for make in (through, lifted):
        logits = make(inner, base, spellings).read(tokens).logits[0].astype(np.float64)
        assert np.exp(logits).sum() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("data", [b"a\x04b", "\U00040000".encode(), b"\xc0", b"half \xf0\x9f"])
def test_a_reading_after_any_bytes_sums_to_one_or_is_refused(
    data: bytes, models: Pair, spellings: dict[str, Spelling]
) -> None:
    smollm2, gemma = models
    tokens = [*gemma.vocabulary.encode("The ", bos=True), *gemma.vocabulary.encode_bytes(data)]
    stranger = through(smollm2, gemma, spellings)
    try:
        smollm2.vocabulary.encode_bytes(b"The " + data)
    except UnknownCharacter:
        with pytest.raises(VocabularyMismatch, match="no token writes the byte"):
            stranger.read(tokens)
        return
    logits = stranger.read(tokens).logits[0]
    assert np.exp(logits.astype(np.float64)).sum() == pytest.approx(1, abs=1e-4)
