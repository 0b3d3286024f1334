"""`localcollab rank` and `localcollab fuse` on files: what is printed, and what is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from localcollab.blend.request import FuseRequest, RankRequest
from localcollab.catalog import SHIPPED
from localcollab.cli.fuse import print_fused
from localcollab.cli.rank import print_rankings
from localcollab.decoding.answer_text import Limits
from localcollab.errors import BadCatalog, BadData, BadOption

RECORDS: list[dict[str, object]] = [
    {"id": "a", "instruction": "Say.", "candidates": [
        {"model": "m", "text": "no"}, {"model": "n", "text": "longest"},
        {"model": "o", "text": "no"}]},
    {"id": "b", "instruction": "Say.", "candidates": []},
    {"id": "c", "instruction": "Say.", "candidates": [{"text": ""}]},
]  # fmt: skip
BASE = str(SHIPPED / "formulary" / "base.gguf")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return written(tmp_path, RECORDS)


def written(folder: Path, records: list[dict[str, object]]) -> Path:
    path = folder / "data.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_a_line_a_record_names_the_models_best_first(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_rankings(RankRequest(data, "longest"), as_json=False)
    shown = capsys.readouterr()
    assert shown.out == "a: n > m = o\nb: no candidate\nc: 1\n"
    assert shown.err == "1 of 3 records have no candidate\n"


def test_an_object_a_record_holds_ranks_and_the_matrix(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_rankings(RankRequest(data, "longest"), as_json=True)
    a, b, c = map(json.loads, capsys.readouterr().out.splitlines())
    assert (a["ranks"], a["best"], a["models"]) == ([2, 1, 2], 2, ["m", "n", "o"])
    assert a["logits"][1][0] == -a["logits"][0][1] == a["logits"][1][2] > 0
    assert b == {"id": "b", "models": [], "ranks": [], "best": None, "logits": []}
    assert c == {"id": "c", "models": [""], "ranks": [1], "best": 1, "logits": [[0]]}


def test_bubble_tells_the_best_alone(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for as_json in (False, True):
        print_rankings(RankRequest(data, "longest", "bubble"), as_json=as_json)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "a: n is the best"
    assert json.loads(lines[3])["ranks"] == [None, 1, None]


def test_a_file_without_records_and_one_that_is_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="holds no record"):
        print_rankings(RankRequest(written(tmp_path, []), "longest"), as_json=False)
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(BadData, match="no such file"):
            print_rankings(RankRequest(path, "longest"), as_json=False)


def test_a_broken_record_is_told_before_anything_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, [*RECORDS, {"id": "d"}])
    with pytest.raises(BadData, match="line 4 is not a record"):
        print_rankings(RankRequest(path, "longest"), as_json=False)
    assert capsys.readouterr().out == ""


def test_what_cannot_rank_or_fuse_is_refused(data: Path) -> None:
    with pytest.raises(BadCatalog, match="no model is named 'nobody'"):
        print_rankings(RankRequest(data, "judge(nobody)"), as_json=False)
    with pytest.raises(BadOption, match="likelihood has no model"):
        print_rankings(RankRequest(data, "likelihood"), as_json=False)
    with pytest.raises(BadOption, match="bubble finds only one best"):
        FuseRequest(RankRequest(data, "longest", "bubble"), BASE)
    with pytest.raises(BadOption, match="`top_k` is 1"):
        FuseRequest(RankRequest(data, "longest"), BASE, top_k=1)


@pytest.mark.weights
def test_a_shipped_model_fuses_and_what_it_is_not_asked_is_said(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ranks = RankRequest(data, "longest")
    print_fused(FuseRequest(ranks, BASE, limits=Limits(4)), as_json=True)
    print_fused(FuseRequest(ranks, BASE, verify=True, limits=Limits(1)), as_json=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0]["n_fused"] == 2
    assert lines[0]["output"] not in ("no", "longest", "")
    others = [
        {"id": "b", "output": None, "n_fused": 0, "why": "no candidate"},
        {"id": "c", "output": "", "n_fused": 0, "why": "one candidate only"},
    ]
    why = "the ranker finds the fused answer worse"
    kept = {"id": "a", "output": "longest", "n_fused": 0, "why": why}
    assert lines[1:] == [*others, kept, *others]


@pytest.mark.weights
def test_the_commands_print_json_and_fail_in_one_line(data: Path) -> None:
    judged = command("rank", str(data), "--ranker", f"likelihood({BASE})", "--json")
    assert judged.returncode == 0, judged.stderr
    assert [json.loads(line)["id"] for line in judged.stdout.splitlines()] == ["a", "b", "c"]
    wrong = command("rank", str(data), "--ranker", "best")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr.count("\n") == 1
    assert "--ranker is 'best', which is not known" in wrong.stderr


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "localcollab", *words],
        capture_output=True, text=True, check=False, env=dict(os.environ),
    )  # fmt: skip
