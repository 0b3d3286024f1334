"""Vocabularies with unlike tails: ids are mapped by string, and lacking tokens have no chance."""

from dataclasses import replace

import numpy as np
import pytest

from fakes import END, N_VOCAB, ScriptedModel, byte_vocabulary
from localcollab.errors import VocabularyMismatch
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import always
from localcollab.methods.vocabulary_map import (
    RemappedVocabulary,
    in_vocabulary,
    over_tokens_of_first,
)
from localcollab.vocabularies.lifted import LiftedModel
from localcollab.vocabularies.translated import TranslatedModel
from localcollab.vocabulary import Vocabulary

BYTES = byte_vocabulary()


def tailed(*tail: str) -> Vocabulary:
    """The bytes, then a tail of its own."""
    return replace(BYTES, strings=(*BYTES.strings[:256], *tail))


def test_the_same_strings_need_no_map() -> None:
    model = ScriptedModel(b"a")
    assert in_vocabulary(model, byte_vocabulary()) is model


def test_padding_of_the_base_has_no_chance() -> None:
    model = ScriptedModel(b"abc")
    mapped = in_vocabulary(model, tailed("<end>", "<pad1>", "<pad2>"))
    reading = mapped.read([1, 2], last=2)
    inner = model.read([1, 2], last=2)
    np.testing.assert_array_equal(reading.logits[:, :N_VOCAB], inner.logits)
    np.testing.assert_array_equal(reading.logits[:, N_VOCAB:], np.full((2, 2), -np.inf))


def test_padding_of_the_model_is_left_out() -> None:
    model = ScriptedModel(b"abc")
    mapped = in_vocabulary(model, tailed())
    assert mapped.read([1]).logits.shape == (1, 256)


def test_a_moved_tail_token_is_found_by_its_string() -> None:
    model = ScriptedModel(b"")  # wants its end token at once
    mapped = in_vocabulary(model, tailed("<new>", "<end>"))
    reading = mapped.read([1])
    assert int(reading.logits[-1].argmax()) == 257
    assert mapped.attribute(reading, 257) == "base"
    mapped.read([1, 257])
    np.testing.assert_array_equal(
        mapped.read([1, 257]).members["base"].logits, model.read([1, END]).logits
    )


def test_a_token_the_model_lacks_is_refused_in_a_prompt() -> None:
    mapped = in_vocabulary(ScriptedModel(b"a"), tailed("<end>", "<new>"))
    assert isinstance(mapped, RemappedVocabulary)
    with pytest.raises(VocabularyMismatch, match="has no token '<new>': remove it"):
        mapped.read([1, 257])


def test_models_with_other_tokens_are_translated() -> None:
    other = replace(BYTES, strings=tuple(f"w{n}" for n in range(300)))
    shuffled = replace(BYTES, strings=BYTES.strings[::-1])
    for vocabulary in (other, shuffled):
        found = in_vocabulary(ScriptedModel(b"a"), vocabulary)
        assert isinstance(found, TranslatedModel)
        assert found.vocabulary is vocabulary


def test_for_arithmetic_a_stranger_is_a_distribution_over_the_tokens_of_the_first() -> None:
    base, mapped = ScriptedModel(b"a"), ScriptedModel(b"b", name="mapped")
    stranger = TranslatedModel(ScriptedModel(b"a", name="expert"), base.vocabulary)
    found = over_tokens_of_first([base, stranger, mapped])
    assert found[::2] == [base, mapped]
    assert isinstance(found[1], LiftedModel)
    assert (found[1].inner, found[1].guide) == (stranger.inner, base)


def test_a_mapped_expert_writes_in_a_team() -> None:
    padded, expert = tailed("<end>", "<pad>"), ScriptedModel(b"ab", name="expert")
    base = in_vocabulary(ScriptedModel(b"xy"), padded)
    team = DeferralTeam("t", base, [in_vocabulary(expert, padded)], always(1))
    reading = team.read([1])
    assert (reading.logits.shape, int(reading.logits[-1].argmax())) == ((1, 258), ord("a"))
    assert team.attribute(reading, ord("a")) == "expert"
    assert np.isneginf(reading.logits[0, 257])
