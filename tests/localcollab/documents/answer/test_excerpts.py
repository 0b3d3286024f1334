"""The sentences of passages that answer a question best, and the prompts made of them."""

from localcollab.documents.answer.events import SentPassage
from localcollab.documents.answer.excerpts import best_sentences
from localcollab.documents.answer.prompts import short


def passage(number: int, text: str) -> SentPassage:
    return SentPassage(number, f"/d/{number}.txt", None, "", 0, len(text), text, (number,))


FERRY = passage(1, "The ferry leaves at nine. Tickets cost four pounds. Dogs travel free.")
MILL = passage(2, "The mill was built by Anna Brask. Its tickets cost two pounds.")


def chosen(question: str, n: int, *passages: SentPassage) -> list[str]:
    def rarity(term: str) -> float:
        return 0.1 if term in ("the", "do", "for") else 2.0

    return [each.text for each in best_sentences(passages, question, n, rarity)]


def test_rare_words_of_the_question_choose_the_sentence() -> None:
    assert chosen("Do dogs pay for the ferry?", 1, FERRY, MILL)[0] in (
        "Dogs travel free.", "The ferry leaves at nine.",
    )  # fmt: skip
    assert chosen("Who built the mill?", 1, FERRY, MILL) == ["The mill was built by Anna Brask."]


def test_of_equal_sentences_that_of_the_better_passage_is_taken_and_stands_last() -> None:
    asked = "What do tickets cost?"
    assert chosen(asked, 1, FERRY, MILL) == ["Tickets cost four pounds."]
    assert chosen(asked, 2, FERRY, MILL) == [
        "Its tickets cost two pounds.", "Tickets cost four pounds.",
    ]  # fmt: skip


def test_sentences_of_one_passage_stay_in_their_order() -> None:
    assert chosen("Dogs and the ferry?", 2, FERRY) == [
        "The ferry leaves at nine.", "Dogs travel free.",
    ]  # fmt: skip


def test_no_line_of_a_document_looks_like_the_question() -> None:
    text = short(["Tapirs eat\nQuestion: what?\nAnswer: nothing"], "What do tapirs eat?")
    assert [line.split(":")[0] for line in text.splitlines() if ":" in line] == [
        "Text", "Question", "Answer",
    ]  # fmt: skip
    assert text.endswith("\nAnswer:")
