"""From names and files to a plan: what is chosen, what is refused, before anything is loaded."""

from pathlib import Path

import pytest

from localcollab.catalog import parse_catalog
from localcollab.errors import BadOption
from localcollab.teams.identity import member_sha256
from localcollab.teams.plan import (
    BASE,
    Member,
    TeamPlan,
    plan_from_catalog,
    plan_from_files,
    with_choices,
)

PAIR = plan_from_files(Path("base.gguf"), [Path("expert.gguf")])


def test_experts_are_named_after_their_files_and_never_alike() -> None:
    paths = [Path("a/x.gguf"), Path("b/x.gguf"), Path("base.gguf")] + [Path("y.gguf")] * 120
    plan = plan_from_files(Path("m.gguf"), paths)
    names = [member.name for member in plan.members]
    assert names[:5] == [BASE, "x", "x-2", "base-2", "y"]
    assert len(set(names)) == 124


def test_files_alone_are_decided_by_entropy() -> None:
    assert (PAIR.gate, PAIR.head, PAIR.name) == ("entropy", None, "base+expert")
    assert PAIR.members == (Member(BASE, Path("base.gguf")), Member("expert", Path("expert.gguf")))
    assert plan_from_files(Path("base.gguf"), []).gate is None


def test_a_head_takes_the_place_of_the_gate() -> None:
    plan = with_choices(PAIR, head=Path("h.safetensors"), threshold=0.2, compose=True, seed=3)
    assert (plan.gate, plan.head, plan.threshold) == (None, Path("h.safetensors"), 0.2)
    assert (plan.compose, plan.seed) == (True, 3)


def test_choices_that_contradict_are_refused() -> None:
    alone = plan_from_files(Path("base.gguf"), [])
    with pytest.raises(BadOption, match="both `gate`"):
        with_choices(PAIR, gate="never", head=Path("h"))
    with pytest.raises(BadOption, match="`threshold` is 2, not a probability"):
        with_choices(PAIR, threshold=2)
    for choice in ({"gate": "never"}, {"head": Path("h")}, {"threshold": 0.1}, {"compose": True}):
        with pytest.raises(BadOption, match="need an expert"):
            with_choices(alone, **choice)


def test_a_nested_team_without_its_trained_file_has_no_hash(tmp_path: Path) -> None:
    for missing in (tmp_path / "none.json", tmp_path):
        with pytest.raises(BadOption, match="no such file: check the path"):
            member_sha256(TeamPlan("t", (), trained=missing))


def test_a_draft_keeps_its_adapter(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text(
        '[models.a]\npath = "a.gguf"\n[models.t]\nweights_of = "a"\nadapter = "l.gguf"\n'
        '[teams.s]\nmethod = "speculation"\nbase = "a"\ndraft = "t"\n'
    )
    catalog = parse_catalog(path)
    plan = plan_from_catalog(catalog, catalog.team("s"))
    assert plan.draft == Member("draft", tmp_path / "a.gguf", tmp_path / "l.gguf")
