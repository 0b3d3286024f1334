"""Which member goes to which worker, and how a catalogue names workers."""

from pathlib import Path

import pytest

from localcollab.catalog import load_catalog
from localcollab.errors import BadCatalog, BadOption
from localcollab.teams.plan import (
    Member,
    on_workers,
    plan_from_catalog,
    plan_from_files,
    require_a_worker_each,
)


def workers_of(members: tuple[object, ...]) -> list[str | None]:
    return [member.worker for member in members if isinstance(member, Member)]


def test_an_expert_goes_to_each_and_the_base_stays() -> None:
    plan = plan_from_files(Path("b.gguf"), [Path("e.gguf"), Path("f.gguf"), Path("g.gguf")])
    placed = on_workers(plan, ["one:1", "two:2"])
    assert workers_of(placed.members) == [None, "one:1", "two:2", None]
    assert [note.partition(" is ")[2] for note in placed.notes] == [
        "evaluated on one:1", "evaluated on two:2",
    ]  # fmt: skip


def test_two_members_on_one_worker_are_refused() -> None:
    plan = plan_from_files(Path("b.gguf"), [Path("e.gguf"), Path("f.gguf")])
    with pytest.raises(BadOption, match="e and f are both on the worker one:1"):
        require_a_worker_each(on_workers(plan, ["one:1", "one:1"]))
    require_a_worker_each(on_workers(plan, ["one:1", "two:2"]))


def test_a_model_alone_goes_away() -> None:
    placed = on_workers(plan_from_files(Path("b.gguf"), []), ["one:1"])
    assert workers_of(placed.members) == ["one:1"]
    (member,) = placed.files
    assert member.isolated


def test_a_composition_stays() -> None:
    catalog = load_catalog()
    plan = plan_from_catalog(catalog, catalog.team("formulary-calm"))
    with pytest.raises(BadOption, match="`workers`"):
        on_workers(plan, ["one:1"])


def test_a_worker_has_a_name_or_an_address(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text(
        """
        [workers]
        desk = "10.0.0.2:50052"
        [models.named]
        path = "a.gguf"
        worker = "desk"
        [models.addressed]
        path = "a.gguf"
        worker = "[::1]:5"
        [models.lost]
        path = "a.gguf"
        worker = "disk"
        """,
        encoding="utf-8",
    )
    catalog = load_catalog(path)
    assert catalog.model("named").worker == "10.0.0.2:50052"
    assert catalog.model("addressed").worker == "[::1]:5"
    with pytest.raises(BadCatalog, match="disk"):
        catalog.model("lost")


@pytest.mark.parametrize("address", ["nowhere", "", "a b:1"])
def test_what_is_no_address_is_left_out_and_told(
    address: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "models.toml"
    path.write_text(f'[workers]\ndesk = "{address}"\n', encoding="utf-8")
    assert "desk" not in load_catalog(path).workers
    assert f"[workers] desk is {address!r}" in caplog.text
    assert "10.0.0.2:50052" in caplog.text
