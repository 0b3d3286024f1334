import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import ScriptedModel, byte_vocabulary
from localcollab.documents.answer.quoting import NOTHING, QUOTES, Copy, Quotes, Quoting, matches
from localcollab.language_model import log_softmax
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import always

GOZOVIR = "The maker of Gozovir is Yarrow Labs. One dose of Gozovir is 60 mg."
VOTOMAB = "The maker of Votomab is Brixton Labs. One dose of Votomab is 90 mg."


def after(text: str, *passages: str) -> dict[str, float]:
    copied = Quotes(passages, byte_vocabulary()).after([*text.encode()])
    return {chr(token): share for token, share in copied.shares.items()}


def test_the_longest_match_of_whole_words_says_what_comes_next() -> None:
    assert after("So the maker of Gozovir is Y", GOZOVIR, VOTOMAB) == {"a": 1.0}
    assert after("the maker of Votomab is", GOZOVIR, VOTOMAB) == {" ": 1.0}


def test_a_better_source_speaks_louder() -> None:
    shares = after("The maker of ", GOZOVIR, VOTOMAB)
    assert shares == pytest.approx({"G": 2 / 3, "V": 1 / 3})


def test_one_word_or_the_end_of_a_word_is_no_match() -> None:
    vocabulary = byte_vocabulary()
    quotes = Quotes([GOZOVIR], vocabulary)
    assert quotes.after([*b"of"]) == NOTHING
    assert quotes.after([*b"Novozovir is"]) == NOTHING
    assert quotes.after([*b"Gozovir is"]) == Copy({ord(" "): 1.0}, 0.75)


def test_a_quote_ends_with_its_sentence() -> None:
    assert after("The maker of Gozovir is Yarrow Labs", GOZOVIR) == {".": 1.0}
    assert after("The maker of Gozovir is Yarrow Labs. ", GOZOVIR) == {}


def test_how_many_words_must_match_can_be_chosen() -> None:
    quotes = Quotes([GOZOVIR], byte_vocabulary())
    found = [quotes.after([*text], 3) for text in (b"Gozovir is", b"of Gozovir is")]
    assert found == [NOTHING, Copy({ord(" "): 1.0}, 0.875)]


def test_line_breaks_of_a_document_match_blanks() -> None:
    assert after("maker of Gozovir", "The maker of\n  Gozovir\nis") == {" ": 1.0}


@given(st.text("ab .", max_size=12), st.text("ab .", max_size=40))
def test_matches_are_the_common_suffixes_by_brute_force(tail: str, text: str) -> None:
    for end, n_words in matches(tail, text):
        n = max(
            n for n in range(min(len(tail), end) + 1) if text[:end].endswith(tail[len(tail) - n :])
        )
        words = tail[len(tail) - n :].replace(".", " ").split()
        assert n_words in (len(words), len(words) - 1)


def test_a_quoting_expert_mixes_by_the_weight_of_the_match() -> None:
    tokens = [*b"Gozovir is"]
    member = ScriptedModel([ord("x")], n_prompt=len(tokens), name="expert", p=0.9)
    quoting = Quoting(member, Quotes([GOZOVIR], member.vocabulary))
    logits = quoting.read(tokens).logits
    own = np.exp(log_softmax(member.read(tokens).logits))
    expected = 0.25 * own
    expected[0, ord(" ")] += 0.75
    np.testing.assert_allclose(np.exp(logits), expected, rtol=1e-4)


def test_without_a_match_a_quoting_expert_is_its_member() -> None:
    member = ScriptedModel([1, 2], name="expert")
    quoting = Quoting(member, Quotes([GOZOVIR], member.vocabulary))
    np.testing.assert_array_equal(quoting.read([7]).logits, member.read([7]).logits)


def test_the_author_of_a_copied_token_is_named() -> None:
    tokens = [*b"Gozovir is"]
    base = ScriptedModel([], n_prompt=1, name="base")
    member = ScriptedModel([ord("x")], n_prompt=len(tokens), name="expert")
    quotes = Quotes([GOZOVIR], base.vocabulary)
    team = DeferralTeam("team", base, [Quoting(member, quotes)], always(1))
    reading = team.read(tokens)
    assert team.attribute(reading, ord(" ")) == f"expert/{QUOTES}"
    assert team.attribute(reading, ord("x")) == "expert"
