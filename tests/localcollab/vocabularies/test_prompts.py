"""A prompt in a member's own form: its rows are those of that form, other sequences stay as they are."""

import numpy as np
import pytest

from localcollab.language_model import log_softmax
from localcollab.methods.gates import always
from localcollab.methods.word_team import WordTeam, own_prompt
from localcollab.vocabularies.lifted import LiftedModel
from localcollab.vocabularies.prompts import OwnPrompts, PromptedModel
from localcollab.vocabularies.translated import TranslatedModel
from tiny_vocabularies import CanonicalModel, own_tokens, piece_vocabulary

BASE = piece_vocabulary("a", "b", " ", "ab", bos=True)
OTHER = piece_vocabulary("a", "b", " ", "aba", " ab", "bb", bos=True)
PROMPT = own_tokens(BASE, b"a b a")
OWN = own_tokens(BASE, b"bb")


def prompted() -> PromptedModel:
    model = PromptedModel(CanonicalModel(BASE))
    model.prompts.give(PROMPT, OWN)
    return model


def test_what_follows_a_prompt_is_read_behind_its_own_form() -> None:
    found = prompted().read([*PROMPT, 0, 2], last=3).logits
    expected = CanonicalModel(BASE).read([*OWN, 0, 2], last=3).logits
    np.testing.assert_array_equal(found, expected)


def test_rows_within_a_prompt_are_those_of_its_text() -> None:
    found = prompted().read([*PROMPT, 0], last=4).logits
    model = CanonicalModel(BASE)
    np.testing.assert_array_equal(found[:2], model.read(PROMPT[:-1], last=2).logits)
    np.testing.assert_array_equal(found[2:], model.read([*OWN, 0], last=2).logits)


def test_another_sequence_is_read_as_it_is() -> None:
    tokens = [*PROMPT[:-1], 1, 1]
    expected = CanonicalModel(BASE).read(tokens).logits
    np.testing.assert_array_equal(prompted().read(tokens).logits, expected)


def test_of_two_prompts_the_longer_one_counts_and_old_ones_are_forgotten() -> None:
    prompts = OwnPrompts()
    for n in range(1, 37):
        prompts.give(range(n), [n])
    assert prompts.at_start_of(range(40)) == (36, (36,))
    assert prompts.at_start_of(range(20)) == (20, (20,))
    assert prompts.at_start_of([0, 1]) == (0, ())


def test_a_part_of_a_prompt_is_evaluated_in_its_own_form() -> None:
    model = CanonicalModel(BASE)
    read = PromptedModel(model)
    read.prompts.give(PROMPT, OWN * 2)
    read.read(PROMPT[: len(PROMPT) // 2 + 1], last=0)
    read.read([*PROMPT, 1])
    assert model.n_evaluated == len(OWN * 2) + 1


def test_the_context_is_smaller_by_what_the_own_form_takes_more() -> None:
    model = PromptedModel(CanonicalModel(BASE))
    model.prompts.give([1], range(11))
    assert model.n_ctx == CanonicalModel.n_ctx - 10


@pytest.mark.parametrize("lifts", [False, True])
def test_a_stranger_reads_its_own_form_and_then_the_text(lifts: bool) -> None:
    model, prompts = CanonicalModel(BASE, name="expert"), OwnPrompts()
    prompts.give(PROMPT, OWN)
    stranger = TranslatedModel(model, BASE, prompts=prompts)
    if lifts:
        stranger = LiftedModel(model, CanonicalModel(BASE), prompts=prompts)
    for n, answer in enumerate(([], [0], [0, 2], [0, 2, 3])):
        found = stranger.read([*PROMPT, *answer], last=1 + n % 2).logits[-1]
        expected = log_softmax(CanonicalModel(BASE).row([*OWN, *answer]))
        known = np.isfinite(found)
        np.testing.assert_allclose(found[known], expected[known], atol=1e-4)


def test_no_word_crosses_the_end_of_a_prompt() -> None:
    expert = TranslatedModel(CanonicalModel(OTHER, name="expert"), BASE)
    expert.prompts.give(PROMPT, own_tokens(OTHER, b"bb"))
    team = WordTeam("t", CanonicalModel(BASE), [expert], always(1))
    found = team.read(PROMPT).logits[0]
    np.testing.assert_array_equal(found, expert.read(PROMPT).logits[0])
    assert own_prompt(team.experts, [*PROMPT, 1]) == len(PROMPT)
