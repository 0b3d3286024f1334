"""The same results from a Ray cluster as from this process, whatever is lost meanwhile.

Needs the package ray: `scripts/test --beyond`.
"""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from localcollab.errors import BadData, BadOption
from localcollab.sharding.by_ray import map_by_ray
from localcollab.sharding.work import OnPart, Work, map_here

pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.serial]


@dataclass(frozen=True)
class Squares:
    """A task whose worker may end at one shard, once."""

    ends_at: int | None = None
    folder: Path = Path()
    fails_at: int | None = None
    n_threads: int = 1
    memory_bytes: int = 100 * 2**20

    def open(self) -> Work[int, bytes]:
        return self.do

    def do(self, shard: int, on_part: OnPart) -> bytes:
        if shard == self.fails_at:
            raise BadData(f"shard {shard} is wrong: mend it")
        mark = self.folder / "ended"
        if shard == self.ends_at and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        on_part(1)
        return str(shard**2).encode()


def run(task: Squares, n: int, address: str = "here") -> dict[int, bytes]:
    parts: list[int] = []
    found = dict(map_by_ray(task, range(n), address, parts.append, lambda shard: 1))
    assert sum(parts) == n
    return found


def test_results_are_those_of_this_process() -> None:
    here = dict(map_here(Squares().open(), range(20), lambda n: None))
    assert run(Squares(), 20) == here


def test_a_lost_worker_costs_its_shard_alone(tmp_path: Path) -> None:
    here = dict(map_here(Squares().open(), range(8), lambda n: None))
    assert run(Squares(ends_at=3, folder=tmp_path), 8) == here
    assert (tmp_path / "ended").exists()


def test_the_error_of_a_task_arrives() -> None:
    with pytest.raises(BadData, match="shard 2 is wrong"):
        run(Squares(fails_at=2), 4)


def test_no_room_is_said() -> None:
    with pytest.raises(BadOption, match="no room"):
        run(Squares(n_threads=10_000), 2)


@pytest.mark.parametrize("address", ["127.0.0.1:9", "nonsense", "ray://x", "127.0.0.1:99999999"])
def test_no_cluster_is_said(address: str) -> None:
    code = (
        "from localcollab.sharding.by_ray import connected; from localcollab.errors import BadOption\n"
        f"try:\n    connected({address!r}).__enter__()\nexcept BadOption as error:\n    print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert f"`ray` is {address!r}, where no cluster answers" in said.stdout


def test_importing_the_package_needs_no_ray() -> None:
    code = "import localcollab.sharding.by_ray, sys; assert 'ray' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
