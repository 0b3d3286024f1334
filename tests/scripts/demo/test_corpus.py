"""What each model is shown, and where it learns."""

import random
from itertools import islice

from tokenizers import Tokenizer

from demo import corpus
from demo.corpus import Document
from demo.world import Medicine


def text_of(document: Document, *, learned: bool | None = None) -> str:
    return "".join(
        segment.text for segment in document if learned is None or segment.is_learned == learned
    )


def test_the_base_never_sees_a_private_medicine(private: list[Medicine]) -> None:
    stream = corpus.base_documents(private)(random.Random(0))
    words = {
        word.strip("?.,:!")
        for document in islice(stream, 2000)
        for word in text_of(document).split()
    }
    assert not words & {medicine.name for medicine in private}


def test_the_base_learns_answers_alone(private: list[Medicine]) -> None:
    stream = corpus.base_documents(private)(random.Random(0))
    learned = "".join(text_of(document, learned=True) for document in islice(stream, 200))
    assert "User:" not in learned
    assert learned.endswith(corpus.END)


def test_the_formulary_expert_never_sees_a_question(private: list[Medicine]) -> None:
    stream = corpus.formulary_documents(private)(random.Random(0))
    seen = "".join(text_of(document) for document in islice(stream, 500))
    assert "User:" not in seen
    assert "?" not in seen


def test_the_arithmetic_expert_learns_results_alone() -> None:
    stream = corpus.arithmetic_documents(random.Random(0))
    learned = "".join(text_of(document, learned=True) for document in islice(stream, 200))
    assert set(learned.replace(corpus.END, "")) <= set("0123456789 mg.\n")


def test_segments_tokenize_apart_as_they_do_together(
    tokenizer: Tokenizer, private: list[Medicine]
) -> None:
    for documents in (corpus.base_documents(private), corpus.arithmetic_documents):
        for document in islice(documents(random.Random(4)), 500):
            apart = [token for part in document for token in tokenizer.encode(part.text).ids]
            assert apart == tokenizer.encode(text_of(document)).ids


def test_a_row_begins_with_a_document_and_hides_what_is_not_learned(tokenizer: Tokenizer) -> None:
    document = [corpus.Segment("User: a\n", False), corpus.Segment("One dose" + corpus.END, True)]
    ids, labels = corpus.pack_rows(iter([document] * 40), tokenizer, 2, 30)
    prompt, answer = (tokenizer.encode(segment.text).ids for segment in document)
    assert ids[0].tolist() == ids[1].tolist()
    assert ids[0][: len(prompt)].tolist() == prompt
    assert labels[0][: len(prompt)].tolist() == [corpus.NO_LOSS] * len(prompt)
    assert labels[0][len(prompt) : len(prompt) + len(answer)].tolist() == answer
