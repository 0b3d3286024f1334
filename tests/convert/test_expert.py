"""An expert from documents: its rows, its questions, its file, and a whole team made in seconds."""

import json
import random
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from localcollab.catalog import SHIPPED, load_catalog
from localcollab.documents.collection import Collection, collections_folder
from localcollab.errors import BadData, BadOption
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.vocabulary_only import load_vocabulary
from localcollab.llama.weights import load_weights
from localcollab_convert.expert_familiarity import familiarity, mingle
from localcollab_convert.expert_file import write_expert
from localcollab_convert.expert_questions import Asked, ask, make_questions, to_jsonl
from localcollab_convert.expert_texts import (
    Text,
    arrange,
    documents,
    pack_rows,
    read_texts,
    split_held_out,
    split_sentences,
)
from localcollab_convert.expert_training import Recipe, Shape, Training, build, perplexity
from localcollab_convert.make_expert import ExpertMaker, Like, Request

pytestmark = pytest.mark.weights

BASE = SHIPPED / "formulary" / "base.gguf"
TINY = Shape(2, 64, 2, 256)
FACTS = ("One dose of {} is {} mg.", "The maker of {} is {} Labs.", "It was found in {} by chance.")


def invented(n: int) -> list[Text]:
    names = [f"{a}{b}" for a in ("Zor", "Vel", "Kim", "Tan") for b in ("dex", "lin", "mab", "zol")]
    return [
        Text(name, tuple(fact.format(name, 10 + i) for fact in FACTS), Path(f"{name}.txt"))
        for i, name in enumerate(names[:n])
    ]


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
        with pytest.raises(BadData, match="holds no readable text"):
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
    asked = [ask(sentence, "Title", rng) for _ in range(300)]
    assert {a.question for a in asked if a.kind == "pattern"} == questions
    assert {a.answer for a in asked} == {sentence}
    assert {a.kind for a in asked} == {"pattern", "open", "cloze"}
    half = sentence.split()[: len(sentence.split()) // 2]
    assert Asked(f"Complete: {' '.join(half)}", sentence, "cloze") in asked


def test_questions_are_records_that_heads_are_trained_on() -> None:
    questions = list(make_questions(invented(2), random.Random(0)))
    records = [json.loads(line) for line in to_jsonl(questions).splitlines()]
    assert len(records) == 6
    for record in records:
        assert [m["role"] for m in record["messages"]] == ["user", "assistant"]
        assert record["gold"] == record["messages"][1]["content"]


def test_an_experts_file_has_the_bases_tokens_and_the_trained_logits(tmp_path: Path) -> None:
    vocabulary = load_vocabulary(BASE)
    model = build(TINY, vocabulary.n_tokens, seed=3).eval()
    for parameter in model.parameters():
        if parameter.ndim == 2:
            parameter.data.mul_(8)
    path = tmp_path / "expert.gguf"
    write_expert(model, BASE, path, name="tiny", provenance={"seed": "3"})
    tokens = vocabulary.encode("One dose of Zordex is 10 mg.")
    with torch.no_grad():
        expected = model(torch.tensor([tokens])).logits[0].numpy()
    options = Options(n_ctx=64, flash_attention="off", n_outputs=64)
    expert = LlamaModel(load_weights(path, options, extra_buffers=False), options, name="e")
    assert expert.vocabulary.fingerprint == vocabulary.fingerprint
    got = expert.read(tokens, last=len(tokens)).logits
    assert np.abs(got - expected).max() < 0.05 * np.abs(expected).max()
    assert [p.name for p in tmp_path.iterdir()] == ["expert.gguf"]


def test_a_training_that_was_cut_off_ends_with_the_same_weights(tmp_path: Path) -> None:
    vocabulary = load_vocabulary(BASE)

    def training(name: str) -> Training:
        model = build(TINY, vocabulary.n_tokens, seed=0)
        run = Training(model, invented(4), vocabulary, Recipe(TINY), tmp_path / name)
        run.n_steps = 6
        return run

    whole = training("whole.pt")
    whole.run(1, lambda *_: None)

    def cut(step: int, n_steps: int, loss: float) -> None:
        if step == 3:
            first.save()
            raise KeyboardInterrupt

    first = training("cut.pt")
    with pytest.raises(KeyboardInterrupt):
        first.run(1, cut)
    second = training("cut.pt")
    second.run(1, lambda *_: None)
    assert second.step == 6
    for one, other in zip(whole.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_what_is_held_out_is_measured_and_then_learned(tmp_path: Path) -> None:
    vocabulary = load_vocabulary(BASE)
    *texts, held_out = invented(9)
    model = build(TINY, vocabulary.n_tokens, seed=0)
    run = Training(model, texts, vocabulary, Recipe(TINY), tmp_path / "p.pt", held_out=[held_out])
    seen = [perplexity(model, [held_out], vocabulary)]
    run.n_steps = 2
    run.run(1, lambda *_: seen.append(perplexity(model, [held_out], vocabulary)))
    assert run.measured == seen[1]
    run.n_steps, shares = 100, []
    for run.step in (69, 70):
        rows = islice(run.stream(random.Random(0)), 300)
        shares.append(sum(held_out.title in row for row in rows) / 300)
    assert shares[0] == 0.0
    assert 0.2 < shares[1] < 0.4


def test_strange_names_are_made_of_known_ones() -> None:
    names = [text.title for text in invented(9)]
    assert mingle(names, 12, random.Random(0)) == ["Kimlin", "Kimmab", "Kimzol"]
    assert mingle(["Alpha", "Omega"], 50, random.Random(0)) == ["Alega", "Ompha"]


def test_titles_that_are_no_names_tell_nothing_about_names() -> None:
    texts = [replace(text, title=f"About {text.title}") for text in invented(16)]
    assert familiarity(BASE, texts, 0) is None
    assert familiarity(BASE, invented(5), 0) is None


def test_names_are_known_only_where_they_are_spelled_better_than_strange_ones() -> None:
    fronts, rears = (
        ("Bor", "Vel", "Kim", "Tan", "Zer", "Lum"),
        ("dex", "lin", "mab", "zol", "rin", "pho"),
    )
    names = [f + r for i, f in enumerate(fronts) for j, r in enumerate(rears) if (i + j) % 2]
    texts = [Text(name, ("It is green.",), Path("x")) for name in names]
    assert len(mingle(names, 18, random.Random(0))) == 18
    assert familiarity(BASE, texts, 0) is None
    knowing = familiarity(SHIPPED / "formulary" / "formulary.gguf", monographs(), 0)
    assert knowing is not None
    assert knowing.opening == "# "
    assert -7 < knowing.least_logprob < -3


def monographs() -> list[Text]:
    """The first forty that the shipped expert was trained on."""
    whole = (SHIPPED / "formulary" / "monographs.txt").read_text()
    titles = [line[2:] for line in whole.splitlines() if line.startswith("# ")][:40]
    return [Text(title, ("It is green.",), Path("x")) for title in titles]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"size": "huge"}, "--size is 'huge'"),
        ({"minutes": 0.0}, "--minutes is 0.0"),
        ({"minutes": float("nan")}, "--minutes is nan"),
        ({"n_steps": 0}, "--steps is 0"),
    ],
)
def test_wrong_requests_are_refused(
    tmp_path: Path, changes: dict[str, object], complaint: str
) -> None:
    request = Request(
        name="x", base="formulary-base", texts=tuple(invented(3)), out=tmp_path,
        catalog=load_catalog(), **changes,  # type: ignore[arg-type]
    )  # fmt: skip
    with pytest.raises(BadOption, match=complaint):
        ExpertMaker(request, lambda _: None, lambda _: None)


def test_a_place_that_the_team_lacks_is_named(tmp_path: Path) -> None:
    request = Request(
        name="x", base="formulary-base", texts=tuple(invented(3)), out=tmp_path,
        catalog=load_catalog(), like=Like("formulary", "nobody"),
    )  # fmt: skip
    with pytest.raises(BadOption, match="--place is 'nobody': the team 'formulary' has formulary"):
        ExpertMaker(request, lambda _: None, lambda _: None)


@pytest.mark.slow
def test_documents_become_a_team(tmp_path: Path) -> None:
    """Eight texts, a few steps: the expert helps, the catalogue knows the team, twice is once."""
    for text in invented(8):
        (tmp_path / f"{text.title}.txt").write_text(text.whole)
    with Collection(collections_folder() / "tablets.sqlite3") as collection:
        collection.add([tmp_path])
    words = ["convert", "expert", "--docs", "tablets", "--base", "formulary-base", "--json"]
    words += ["--steps", "60", "--size", "tiny", "--out", str(tmp_path / "out")]
    made = json.loads(run(*words))
    assert (made["n_texts"], made["n_steps"]) == (8, 60)
    assert made["familiar"] is None
    assert made["nll"]["head"] < min(made["nll"]["base"], made["nll"]["expert 1"])
    assert "tablets" in run("teams", "list")
    asked = run("run", "--team", "tablets", "--json", "What is one dose of Zordex?")
    assert json.loads(asked.splitlines()[-1])["event"] == "finished"
    assert json.loads(run(*words)) == made


def run(*words: str) -> str:
    command = [sys.executable, "-m", "localcollab.cli", *words]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    return child.stdout
