"""What an expert is made from: its rows, its questions, what is refused before any training."""

import json
import random
from itertools import islice
from pathlib import Path

import pytest

from invented_texts import invented
from localcollab.catalog import SHIPPED, load_catalog
from localcollab.cli.request import RefreshChoice
from localcollab.documents.collection import Collection
from localcollab.errors import BadData, BadOption
from localcollab.llama.tokenizer import load_vocabulary
from localcollab_convert.expert.questions import (
    Question,
    make_question,
    make_questions,
    to_jsonl,
)
from localcollab_convert.expert.request import ExpertRequest
from localcollab_convert.refresh.cli import refresh
from localcollab_convert.study.texts import (
    arrange,
    documents,
    pack_rows,
    read_texts,
    split_held_out,
    split_sentences,
)

pytestmark = pytest.mark.weights

BASE = SHIPPED / "formulary" / "base.gguf"


def test_a_collection_without_an_expert_is_told_how_to_create_one() -> None:
    with pytest.raises(
        BadOption, match="there is no expert for papers: create one with localcollab convert expert"
    ):
        refresh(RefreshChoice("papers"), as_json=False)


def test_sentences_and_lines_part() -> None:
    text = "One dose is 2.5 mg. Take it\nwith water!  Never\n\nalone. 7\n"
    assert split_sentences(text) == [
        "One dose is 2.5 mg.",
        "Take it",
        "with water!",
        "Never",
        "alone.",
    ]


def test_a_sentence_that_the_page_broke_is_whole() -> None:
    page = (
        "Zordex\n\nThe maker of Zordex is Ash Labs. A common side\n"
        "effect of Zordex is sweating. It was approved in\n1988. One dose of Zordex is\n10 mg.\n"
    )
    assert split_sentences(page) == [
        "Zordex",
        "The maker of Zordex is Ash Labs.",
        "A common side effect of Zordex is sweating.",
        "It was approved in 1988.",
        "One dose of Zordex is",
        "10 mg.",
    ]


def test_a_text_is_a_heading_of_an_indexed_document(tmp_path: Path) -> None:
    (tmp_path / "zordex.txt").write_text("Zordex is green. It costs much.\n")
    (tmp_path / "nothing.txt").write_text("")
    with Collection(None) as collection:
        with pytest.raises(BadData, match="has no readable text"):
            read_texts(collection)
        collection.add([tmp_path])
        (text,) = read_texts(collection)
    assert (text.title, text.sentences) == ("zordex", ("Zordex is green.", "It costs much."))


def test_new_texts_never_move_old_ones_between_the_sets() -> None:
    texts = invented(16)
    few, many = split_held_out(texts[:10], 0.3, 0), split_held_out(texts, 0.3, 0)
    assert set(few[0]) <= set(many[0])
    assert set(few[1]) <= set(many[1])
    assert 0 < len(many[1]) < 12


def test_a_document_is_shown_in_any_order_and_never_changed() -> None:
    (text,) = invented(1)
    rng = random.Random(0)
    shown = {arrange(text, rng) for _ in range(200)}
    assert text.whole in shown
    assert len(shown) > 12
    for variant in shown:
        for sentence in text.sentences:
            variant = variant.replace(sentence, "")
        assert variant.replace(f"# {text.title}", "").strip() == ""


def test_every_round_of_the_stream_has_every_text() -> None:
    texts = invented(5)
    titles = [text.title for text in texts]
    round_ = list(islice(documents(texts, random.Random(1)), 5))
    assert sorted(t for t in titles for variant in round_ if t in variant) == sorted(titles)


def test_rows_are_full_and_documents_end_in_them() -> None:
    vocabulary = load_vocabulary(BASE)
    rows = pack_rows(documents(invented(3), random.Random(0)), vocabulary, 2, 300)
    assert [len(row) for row in rows] == [300, 300]
    assert vocabulary.eos in rows[0]


@pytest.mark.parametrize(
    ("sentence", "questions"),
    [
        ("One dose of Zordex is 10 mg.", {"What is one dose of Zordex?", "Tell me one dose of Zordex.",
            "Zordex: what is one dose?", "I would like to know one dose of Zordex."}),
        ("The makers of A B are C and D.", {"What are the makers of A B?", "Tell me the makers of A B.",
            "A B: what are the makers?", "I would like to know the makers of A B."}),
    ],
)  # fmt: skip
def test_a_sentence_becomes_a_question_about_itself(sentence: str, questions: set[str]) -> None:
    rng = random.Random(0)
    asked = [make_question(sentence, "Title", rng) for _ in range(300)]
    assert {a.text for a in asked if a.kind == "pattern"} == questions
    assert {a.answer for a in asked} == {sentence}
    assert {a.kind for a in asked} == {"pattern", "open", "cloze"}
    half = sentence.split()[: len(sentence.split()) // 2]
    assert Question(f"Complete: {' '.join(half)}", sentence, "cloze") in asked


def test_questions_are_records_that_heads_are_trained_on() -> None:
    questions = list(make_questions(invented(2), random.Random(0)))
    records = [json.loads(line) for line in to_jsonl(questions).splitlines()]
    assert len(records) == 6
    for record in records:
        assert [m["role"] for m in record["messages"]] == ["user", "assistant"]
        assert record["gold"] == record["messages"][1]["content"]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"size": "huge"}, "`size` is 'huge'"),
        ({"minutes": 0.0}, "`minutes` is 0.0"),
        ({"minutes": float("nan")}, "`minutes` is nan"),
        ({"like": "formulary"}, "`place` .* go together"),
        ({"n_steps": 0}, "`n_steps` is 0"),
    ],
)
def test_wrong_requests_are_refused(
    tmp_path: Path, changes: dict[str, object], complaint: str
) -> None:
    with pytest.raises(BadOption, match=complaint):
        request(tmp_path, **changes)


def test_a_place_that_the_team_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match="`place` is 'nobody': the team 'formulary' has formulary"):
        request(tmp_path, like="formulary", place="nobody")


def request(out: Path, **changes: object) -> ExpertRequest:
    return ExpertRequest(
        name="x", base="formulary-base", texts=tuple(invented(3)), out=out,
        catalog=load_catalog(), **changes,  # type: ignore[arg-type]
    )  # fmt: skip
