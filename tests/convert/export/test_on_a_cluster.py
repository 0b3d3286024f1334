"""An export on a Ray cluster writes the same files as one process, also where a node is lost.

Needs the package ray: `scripts/test --beyond`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from export_shipped import export_shipped
from localcollab.catalog.reading import SHIPPED
from localcollab_convert.export import make

pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.weights, pytest.mark.serial]
DRIVER = Path(__file__).parents[2] / "ray_driver.py"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines = (SHIPPED / "formulary" / "head-train.jsonl").read_text(encoding="utf-8").splitlines()
    path = tmp_path_factory.mktemp("data") / "data.jsonl"
    path.write_text("\n".join(lines[:520]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def expected(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("here")
    export_shipped(data, out)
    return files(out)


def files(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (out / "export").glob("*.safetensors")}


@pytest.mark.parametrize("words", [[], ["kill"]], ids=["two nodes", "one lost"])
def test_two_nodes_write_what_one_process_writes(
    words: list[str], data: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    command = [sys.executable, str(DRIVER), str(data), str(tmp_path), *words]
    # Ray's workers are nice by 15: on a busy machine they would not get anywhere.
    environment = {**os.environ, "RAY_worker_niceness": "0"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(expected) >= 2
    assert files(tmp_path) == expected


def test_a_resumed_export_asks_the_cluster_for_what_is_missing(
    data: Path, expected: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_shipped(data, tmp_path)
    missing = sorted(expected)[0]
    (tmp_path / "export" / missing).unlink()
    (tmp_path / "export" / "stage.json").unlink(missing_ok=True)
    asked: list[str] = []

    def map_by_ray(task, shards, address, on_part, n_units):  # type: ignore[no-untyped-def]
        asked.extend(shard.name for shard in shards)
        work = task.open()
        return ((n, work(shard, on_part)) for n, shard in enumerate(shards))

    monkeypatch.setattr(make, "map_by_ray", map_by_ray)
    export_shipped(data, tmp_path, ray="here")
    assert missing in asked
    assert files(tmp_path) == expected
