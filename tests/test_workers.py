"""Tests that measure run alone; the others side by side, each worker on its own cores."""

import threading
from pathlib import Path

import pytest

import workers
from workers import own_cores, turn


@pytest.fixture
def locks(tmp_path: Path) -> tuple[Path, Path]:
    paths = tmp_path / "queue", tmp_path / "tests"
    for path in paths:
        path.touch()
    return paths


def test_workers_share_the_cores_and_leave_none_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_ALL_CORES", {0, 2, 3, 5, 7})
    assert [own_cores(f"gw{n}", 2) for n in range(2)] == [{0, 3, 7}, {2, 5}]
    assert own_cores("gw5", 6) == {0, 2, 3, 5, 7}


def test_tests_that_may_run_side_by_side_do(locks: tuple[Path, Path]) -> None:
    with turn(*locks, alone=False), turn(*locks, alone=False):
        pass


@pytest.mark.parametrize("first_alone", [True, False])
def test_a_test_that_runs_alone_waits_and_is_waited_for(
    locks: tuple[Path, Path], first_alone: bool
) -> None:
    order: list[str] = []
    begun = threading.Event()

    def second() -> None:
        begun.set()
        with turn(*locks, alone=not first_alone):
            order.append("second")

    other = threading.Thread(target=second)
    with turn(*locks, alone=first_alone):
        other.start()
        begun.wait()
        other.join(0.05)
        assert other.is_alive()
        order.append("first")
    other.join()
    assert order == ["first", "second"]


def test_nobody_begins_while_a_test_waits_to_be_alone(locks: tuple[Path, Path]) -> None:
    order: list[str] = []

    def run(name: str, alone: bool) -> None:
        with turn(*locks, alone=alone):
            order.append(name)

    alone = threading.Thread(target=run, args=("alone", True))
    beside = threading.Thread(target=run, args=("beside", False))
    with turn(*locks, alone=False):
        alone.start()
        alone.join(0.05)
        beside.start()
        beside.join(0.05)
        assert order == []
    alone.join()
    beside.join()
    assert order == ["alone", "beside"]
