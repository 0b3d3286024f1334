"""Vocabularies with unlike tails: ids are mapped by string, and lacking tokens have no chance."""

from dataclasses import replace

import numpy as np
import pytest

from fakes import END, N_VOCAB, ScriptedModel, byte_vocabulary
from localcollab.errors import VocabularyMismatch
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import always
from localcollab.methods.vocabulary_map import RemappedVocabulary, in_vocabulary
from localcollab.vocabulary import Vocabulary

BYTES = byte_vocabulary()


def tailed(*tail: str) -> Vocabulary:
    """The bytes, then a tail of its own."""
    return replace(BYTES, strings=(*BYTES.strings[:256], *tail))


def test_the_same_strings_need_no_map() -> None:
    model = ScriptedModel(b"a")
    assert in_vocabulary(model, byte_vocabulary(), "base") is model


def test_padding_of_the_base_has_no_chance() -> None:
    model = ScriptedModel(b"abc")
    mapped = in_vocabulary(model, tailed("<end>", "<pad1>", "<pad2>"), "base")
    reading = mapped.read([1, 2], last=2)
    inner = model.read([1, 2], last=2)
    np.testing.assert_array_equal(reading.logits[:, :N_VOCAB], inner.logits)
    np.testing.assert_array_equal(reading.logits[:, N_VOCAB:], np.full((2, 2), -np.inf))


def test_padding_of_the_model_is_left_out() -> None:
    model = ScriptedModel(b"abc")
    mapped = in_vocabulary(model, tailed(), "base")
    assert mapped.read([1]).logits.shape == (1, 256)


def test_a_moved_tail_token_is_found_by_its_string() -> None:
    model = ScriptedModel(b"")  # wants its end token at once
    mapped = in_vocabulary(model, tailed("<new>", "<end>"), "base")
    reading = mapped.read([1])
    assert int(reading.logits[-1].argmax()) == 257
    assert mapped.attribute(reading, 257) == "base"
    mapped.read([1, 257])
    np.testing.assert_array_equal(
        mapped.read([1, 257]).members["base"].logits, model.read([1, END]).logits
    )


def test_a_token_the_model_lacks_is_refused_in_a_prompt() -> None:
    mapped = in_vocabulary(ScriptedModel(b"a"), tailed("<end>", "<new>"), "base")
    assert isinstance(mapped, RemappedVocabulary)
    with pytest.raises(VocabularyMismatch, match="has no token '<new>': remove it"):
        mapped.read([1, 257])


def test_real_differences_are_refused_with_numbers() -> None:
    other = replace(BYTES, strings=tuple(f"w{n}" for n in range(300)))
    message = "'base' has 257 tokens, 'm.gguf' 300; 300 are missing, 257 are extra and 0 have other"
    with pytest.raises(VocabularyMismatch, match=message):
        in_vocabulary(ScriptedModel(b"a"), other, "m.gguf")
    shuffled = replace(BYTES, strings=BYTES.strings[::-1])
    # Whatever the method: mixtures and compositions come here, too.
    with pytest.raises(VocabularyMismatch, match="256 have other ids: a team needs one vocabulary"):
        in_vocabulary(ScriptedModel(b"a"), shuffled, "m.gguf")


def test_a_mapped_expert_writes_in_a_team() -> None:
    padded, expert = tailed("<end>", "<pad>"), ScriptedModel(b"ab", name="expert")
    base = in_vocabulary(ScriptedModel(b"xy"), padded, "padded")
    team = DeferralTeam("t", base, [in_vocabulary(expert, padded, "padded")], always(1))
    reading = team.read([1])
    assert (reading.logits.shape, int(reading.logits[-1].argmax())) == ((1, 258), ord("a"))
    assert team.attribute(reading, ord("a")) == "expert"
    assert np.isneginf(reading.logits[0, 257])
