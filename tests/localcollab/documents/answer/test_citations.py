import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcollab.documents.answer.citations import (
    Citable,
    Citation,
    Claim,
    Support,
    check_answer,
    is_supported,
    with_citations,
)
from localcollab.documents.answer.content_words import content_words
from localcollab.documents.checking.sentences import sentences

GOZOVIR = Citable(
    "The maker of Gozovir is Yarrow Labs. One dose of Gozovir is 60 mg. A common side effect of "
    "Gozovir is a mild rash. The approval year of Gozovir is 1966. Of 1,250 patients, 3.5% fainted.",
    "Gozovir",
)
VOTOMAB = Citable(
    "One dose of Votomab is 90 mg. A common side effect of Votomab is headache. It is not sold in "
    "Peru.",
    "Votomab",
)
SOURCES = (GOZOVIR, VOTOMAB)


def verdict(sentence: str) -> Support | None:
    (claim,) = check_answer(sentence, SOURCES)
    return claim.support


@pytest.mark.parametrize(
    ("sentence", "support"),
    [
        ("The maker of Gozovir is Yarrow Labs [1].", "supported"),
        ("The makers of Gozovir are Yarrow Labs [1].", "supported"),
        ("the dose of Gozovir: 60 mg [1]", "supported"),
        ("One dose of Gozovir is 60mg [1].", "supported"),
        ("Of 1250 patients 3,5 % fainted [1].", "supported"),
        ("Yarrow Labs is the maker of Gozovir [1].", "supported"),
        ("Gozovir was approved in the year 1966 [1].", "weak"),
        ("Gozovir has a dose of 60 mg and its approval year is 1966 [1].", "weak"),
        ("The maker of Gozovir is Redfern Labs [1].", "not found"),
        ("One dose of Gozovir is 90 mg [1].", "not found"),
        ("One dose of Gozovir is 60 ml [1].", "not found"),
        ("One dose of Gozovir is 60,000 mg [1].", "not found"),
        ("One dose of Gozovir is not 60 mg [1].", "not found"),
        ("Votomab is sold in Peru [2].", "not found"),
        ("Votomab is not sold in Peru [2].", "supported"),
        ("One dose of Zarzalin is 90 mg [2].", "not found"),
        ("A common side effect of Gozovir is headache [1].", "not found"),
        ("The maker of Gozovir is Yarrow Labs [9].", "not found"),
        ("The maker of Gozovir is Yarrow Labs [0].", "not found"),
        ("The moon is a large stone behind the hill [1].", "not found"),
    ],
)
def test_a_cited_sentence_is_checked_against_its_passage(sentence: str, support: Support) -> None:
    assert verdict(sentence) == support


@pytest.mark.parametrize(
    "sentence", ["Hello!", "I cannot do that.", "Which medicine do you mean?", "You are welcome."]
)
def test_talk_states_nothing(sentence: str) -> None:
    assert check_answer(sentence, SOURCES) == (Claim(0, len(sentence), sentence, None),)


def test_the_quote_is_the_sentence_that_says_it() -> None:
    (claim,) = check_answer("One dose of Gozovir is 60 mg [1].", SOURCES)
    start = GOZOVIR.text.index("One dose")
    end = GOZOVIR.text.index(" A common")
    assert claim.citations == (Citation(1, "supported", (start, end)),)


def test_a_sentence_without_a_citation_gets_the_best_passage() -> None:
    answer = "A common side effect of Votomab is headache."
    (claim,) = check_answer(answer, SOURCES)
    assert (claim.support, claim.is_attributed) == ("supported", True)
    assert with_citations(answer, [claim]) == answer + " [2]"


def test_an_uncited_sentence_that_nothing_supports_is_marked() -> None:
    answer = "Votomab cures the flu within 2 days."
    assert check_answer(answer, SOURCES) == (
        Claim(0, len(answer), answer, "not found", is_attributed=True),
    )


def test_a_better_source_than_the_cited_one_is_named() -> None:
    (claim,) = check_answer("One dose of Votomab is 90 mg [1].", SOURCES)
    assert (claim.support, claim.better) == ("not found", 2)


def test_a_heading_says_what_its_sentences_are_about() -> None:
    sources = [Citable("Dose: 60 mg. Maker: Yarrow Labs.", "Gozovir")]
    (claim,) = check_answer("The Gozovir dose is 60 mg.", sources)
    assert claim.support == "supported"


def test_a_heading_does_not_speak_for_sentences_about_another() -> None:
    sources = [Citable("One dose of Votomab is 60 mg.", "Gozovir")]
    (claim,) = check_answer("One dose of Gozovir is 60 mg.", sources)
    assert claim.support == "weak"


def test_marks_may_stand_behind_the_full_stop_and_hold_several_numbers() -> None:
    answer = "One dose of Votomab is 90 mg. [1, 2] Hello!"
    first, second = check_answer(answer, SOURCES)
    assert [(c.number, c.support) for c in first.citations] == [(1, "not found"), (2, "supported")]
    assert (answer[first.start : first.end], second.text) == (answer[:36], "Hello!")


def test_a_sum_of_known_numbers_is_done_again() -> None:
    answer = "One dose of Votomab is 90 mg. 5 x 90 = 450 mg."
    first, second = check_answer(answer, SOURCES, "How many mg are 5 doses of Votomab?")
    assert (second.support, second.is_computed, second.citations) == (
        "supported", True, first.citations,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "question"),
    [
        ("One dose of Votomab is 90 mg. 5 x 90 = 440 mg.", "5 doses of Votomab?"),
        ("One dose of Votomab is 90 mg. 6 x 90 = 540 mg.", "5 doses of Votomab?"),
        ("One dose of Votomab is 80 mg. 5 x 80 = 400 mg.", "5 doses of Votomab?"),
    ],
)
def test_a_wrong_sum_or_one_of_other_numbers_is_not_found(answer: str, question: str) -> None:
    assert check_answer(answer, SOURCES, question)[-1].support == "not found"


def test_only_stated_and_supported_sentences_make_an_answer_supported() -> None:
    def holds(answer: str) -> bool:
        return is_supported(check_answer(answer, SOURCES))

    right, wrong = "One dose of Votomab is 90 mg.", "One dose of Votomab is 60 mg."
    answers = [right, f"Hello! {right}", f"{right} {wrong}", "Hello!"]
    assert [holds(answer) for answer in answers] == [True, True, False, False]


def test_without_sources_nothing_is_supported() -> None:
    assert [c.support for c in check_answer("One dose is 90 mg [1].", ())] == ["not found"]


@given(st.integers(1, 999), st.integers(1, 999))
def test_a_number_is_supported_just_when_it_is_the_same(said: int, written: int) -> None:
    (claim,) = check_answer(f"One dose is {said} mg.", [Citable(f"One dose is {written} mg.")])
    assert (claim.support == "supported") == (said == written)


@given(st.text(max_size=300), st.lists(st.text(max_size=200), max_size=3))
def test_any_text_is_checked_and_its_spans_lie_inside(answer: str, texts: list[str]) -> None:
    for claim in check_answer(answer, [Citable(text) for text in texts]):
        assert 0 <= claim.start < claim.end <= len(answer)
        for citation in claim.citations:
            if citation.quote is not None:
                start, end = citation.quote
                assert 0 <= start < end <= len(texts[citation.number - 1])


@given(st.text(max_size=300))
def test_sentences_cover_all_that_is_no_white_space(text: str) -> None:
    spans = list(sentences(text))
    assert "".join("".join(text[a:b].split()) for a, b in spans) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One is 3.5 mg. Two.", ["One is 3.5 mg.", "Two."]),
        ("Dr. Gray left. He ran.", ["Dr. Gray left.", "He ran."]),
        ("Wrapped\nlines are one.", ["Wrapped\nlines are one."]),
        ("Dose: 5 mg\nMaker: Vesper", ["Dose: 5 mg", "Maker: Vesper"]),
        ("- one\n- two", ["- one", "- two"]),
        ("Head\n\nBody", ["Head", "Body"]),
    ],
)
def test_sentences_end_where_a_reader_sees_an_end(text: str, parts: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == parts


def test_a_long_answer_and_long_passages_are_checked_in_seconds() -> None:
    passage = Citable(" ".join(f"Item number {n} weighs {n * 7} kg." for n in range(300)))
    answer = " ".join(f"Item number {n} weighs {n * 7} kg." for n in range(30))
    assert is_supported(check_answer(answer, [passage] * 3))


def test_a_capital_at_the_start_is_no_name_where_the_sources_write_it_small() -> None:
    assert content_words("Insomnia is common.", frozenset({"insomnia"})).names == frozenset()
    assert content_words("Gozovir is common.").names == {"gozovir"}
