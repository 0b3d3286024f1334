"""ROUGE-L against references: by hand, of fused answers, and in `eval`."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from blend_fakes import Speaker, team
from localcollab.blend.fuser import InstructFuser
from localcollab.blend.mixinstruct import Given, Record
from localcollab.blend.rankers import longest
from localcollab.errors import BadOption
from localcollab.evaluation.rankers import as_json, as_table, evaluate_rankers, measure_rankers
from localcollab.evaluation.references import ROUGE_L, rouge_l, rouge_of_fused, scored_by_rouge
from localcollab.evaluation.request import RankerRequest
from small_gguf import small_llama


def record(name: str, texts: Sequence[str], output: str | None = "the cat sits") -> Record:
    given = tuple(Given(text, model) for text, model in zip(texts, "mno", strict=False))
    return Record(name, name, given, output=output)


RECORDS = [record("a", ["the cat", "no such animal", "a dog"]), record("b", ["Cats sit", "none"])]


def test_it_is_the_f_measure_of_the_longest_common_subsequence_of_stems() -> None:
    # By hand: 2 of 4 words and 2 of 3 in order; 2 of 2 and of 3, as "sit" and "cat".
    assert rouge_l("the big black cat", "the cat sits") == pytest.approx(2 * 2 / (4 + 3))
    assert rouge_l("Cats sit", "the cat sits") == pytest.approx(2 * 2 / (2 + 3))
    assert rouge_l("sits cat the", "the cat sits") == pytest.approx(2 * 1 / (3 + 3))
    assert rouge_l("", "the cat sits") == 0


def test_records_without_a_reference_are_left_out() -> None:
    found = scored_by_rouge([*RECORDS, record("c", ["x", "y"], None)])
    scores = [[given.scores[ROUGE_L] for given in r.candidates] for r in found]
    assert scores == [[pytest.approx(0.8), 0, 0], [pytest.approx(0.8), 0]]
    with pytest.raises(BadOption, match='no record has one: add "output"'):
        scored_by_rouge([record("c", ["x", "y"], None)])


def test_fused_answers_are_made_of_the_best_and_stand_first() -> None:
    records = scored_by_rouge(RECORDS)
    fuser = team("the cat sits", "fuser")
    scores, n_fused = rouge_of_fused(
        records, longest(), lambda _: InstructFuser(fuser), "fuser", top_k=2,
        on_progress=lambda _done, _total: None,
    )  # fmt: skip
    assert (scores, n_fused) == ([1, 1], 2)
    model = fuser.model
    assert isinstance(model, Speaker)
    assert [prompt.count("Answer ") for prompt in model.prompts] == [2, 2]
    rows = evaluate_rankers(records, {"longest": longest()}, ROUGE_L, others={"fused": scores})
    assert [row.name for row in rows][:2] == ["fused", "longest"]
    assert [(row.score.value, row.wins.value) for row in rows[:2]] == [
        (1, 1), (pytest.approx(0.4), pytest.approx(0.25))
    ]  # fmt: skip


def test_eval_measures_rankers_and_a_fuser_by_rouge(tmp_path: Path) -> None:
    data, fuser = tmp_path / "data.jsonl", tmp_path / "fuser.gguf"
    fuser.write_bytes(small_llama().to_bytes())
    data.write_text("".join(
        json.dumps({"instruction": r.instruction, "output": r.output, "candidates": [
            {"model": given.model, "text": given.text} for given in r.candidates]}) + "\n"
        for r in RECORDS
    ))  # fmt: skip
    asked = RankerRequest(("vote",), (data,), fuser=str(fuser))
    found = json.loads(as_json(measure_rankers(asked, lambda _: None)))
    rows = {row["name"]: row["score"]["value"] for row in found["rows"]}
    assert (found["measure"], found["n"]) == (ROUGE_L, 2)
    assert rows["oracle"] == rows["best single model (m)"] == pytest.approx(0.8)
    assert any(name.startswith(f"fused by {fuser} (") for name in rows)
    asked = RankerRequest(("vote",), (data,), ROUGE_L)
    assert "measure: rouge-l; records: 2" in as_table(measure_rankers(asked, lambda _: None))


def test_a_fuser_goes_with_no_other_measure() -> None:
    with pytest.raises(BadOption, match="a fused answer has no score bleu in the data"):
        RankerRequest(("vote",), (Path("d"),), "bleu", "m")


def test_the_library_is_imported_when_the_first_answer_is_scored() -> None:
    script = "import localcollab.cli.evaluate, sys; print('rouge_score' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout == "False\n"
