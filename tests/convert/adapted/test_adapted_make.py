"""`convert expert` of a base by LoRA, on a tiny base: all stages, cut off in each of them, and told."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from invented_texts import invented
from localcollab.catalog import load_catalog
from localcollab.documents.collection import Collection
from localcollab.errors import BadOption
from localcollab.llama.context import LlamaModel
from localcollab.progress import Counted
from localcollab.teams.open import open_team
from localcollab.teams.plan import plan_from_catalog
from localcollab_convert.adapted.make import make_adapted
from localcollab_convert.adapted.report import lines
from localcollab_convert.adapted.request import AdaptedRequest, AdaptedResult, Effort
from localcollab_convert.study.texts import read_texts

pytestmark = [pytest.mark.weights, pytest.mark.slow]


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[AdaptedRequest]:
    folder = tmp_path / "papers"
    folder.mkdir()
    for text in invented(3):
        (folder / f"{text.title}.txt").write_text(text.whole)
    with Collection(None) as collection:
        collection.add([folder])
        yield AdaptedRequest(
            name="papers", base="formulary-base", texts=tuple(read_texts(collection)),
            collection=collection, out=tmp_path / "out", catalog=load_catalog(), n_rounds=2,
            rank=2, effort=Effort(n_questions=1, n_general=2, n_head_steps=201),
        )  # fmt: skip


def make(request: AdaptedRequest, stop: Callable[[str], bool] = lambda _: False) -> AdaptedResult:
    def show(doing: str | Counted) -> None:
        if stop(str(doing)):
            raise KeyboardInterrupt

    return make_adapted(request, show, lambda _: None)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_cut_off_in_every_stage_it_ends_with_the_same_adapter_and_nothing_else(
    ask: AdaptedRequest, tmp_path: Path
) -> None:
    whole = make(replace(ask, out=tmp_path / "whole"))
    stages = ("general text: 1", "the base writes", "expert: 2 of", "export", "train",
              "general ability", "questions")  # fmt: skip
    for stage in stages:
        with pytest.raises(KeyboardInterrupt):
            make(ask, lambda doing, stage=stage: doing.startswith(stage))  # type: ignore[misc]
    again = make(ask)
    assert sha256(again.adapter) == sha256(whole.adapter)
    assert sha256(again.head) == sha256(whole.head)
    assert replace(again, adapter=whole.adapter, head=whole.head, seconds=whole.seconds) == whole
    assert sorted(str(p.relative_to(ask.out)) for p in ask.out.rglob("*") if p.is_file()) == [
        "papers.curve.json", "papers.curve.png", "papers.expert.json", "papers.gguf",
        "papers.safetensors", "work/made/manifest.json",
    ]  # fmt: skip
    for path in (ask.out, *ask.out.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    entry = load_catalog().team("papers")
    team = open_team(plan_from_catalog(load_catalog(), entry))
    base, expert = team.members.values()
    assert isinstance(base, LlamaModel)
    assert isinstance(expert, LlamaModel)
    assert base.weights is expert.weights
    said = list(lines("papers", again))
    assert said[-1] == 'the team is ready: localcollab run --team papers "..."'
    assert any("base + retrieval" in line for line in said)


def test_a_team_that_forgot_too_much_is_not_accepted_and_leaves_nothing(
    ask: AdaptedRequest,
) -> None:
    with pytest.raises(BadOption, match="the expert is not accepted: general text costs the team"):
        make(replace(ask, n_rounds=1, most_lost=-0.9))
    left = {path.name for path in ask.out.rglob("*") if path.is_file()}
    assert left <= {"papers.curve.json", "papers.curve.png", "manifest.json"}
    assert "papers" not in load_catalog().teams


def test_too_little_time_is_said_before_the_training(ask: AdaptedRequest) -> None:
    doings: list[str] = []

    def note(doing: str) -> bool:
        doings.append(doing)
        return False

    with pytest.raises(BadOption, match=r"`minutes` is 0\.0001: .* statements need 1 minutes"):
        make(replace(ask, n_rounds=None, minutes=0.0001), note)
    assert not any(doing.startswith("expert: ") for doing in doings)
    assert not (ask.out / "papers.gguf").exists()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [({"minutes": 0.0}, "`minutes` is 0"), ({"rank": 0}, "`rank` is 0"),
     ({"n_rounds": 0}, "`n_rounds` is 0")],
)  # fmt: skip
def test_wrong_requests_are_refused(
    ask: AdaptedRequest, changes: dict[str, float], complaint: str
) -> None:
    with pytest.raises(BadOption, match=complaint):
        replace(ask, **changes)  # type: ignore[arg-type]


def test_no_effort_is_no_check() -> None:
    with pytest.raises(BadOption, match="`n_general` is 0"):
        Effort(n_general=0)
