"""What a Ray cluster costs and gains for an export: one process, then one and two workers of one thread.

    python scripts/experiments/ray_overhead.py [--lines 2000]

Exports a head's training data for the shipped team: in this process, and on clusters of one and two
nodes with one core each on this machine. Prints seconds, the start-up apart, and what the model says:

    seconds(W) = start-up + answer tokens / (W x tokens a second of one worker) + bytes / bytes a second

with the tokens a second of one process, and the bytes of the shards at loopback's speed.
"""

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 - its name in Ray
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from ray.cluster_utils import Cluster

from export_shipped import export_shipped
from localcollab.catalog.reading import SHIPPED

_LOOPBACK = 1e9
"""Bytes a second; a laptop's wireless network has 1e7 to 1e8."""


@dataclass
class Clock:
    """When the first and the last shard were there."""

    began: float = field(default_factory=time.monotonic)
    first: float | None = None
    first_done: int = 0
    last: float = 0.0
    total: int = 0

    def note(self, event: object) -> None:
        done = int(getattr(event, "done", 0))
        if getattr(event, "unit", "") != "answer tokens" or not done:
            return
        now = time.monotonic()
        if self.first is None:
            self.first, self.first_done = now, done
        self.last, self.total = now, done


def export(data: Path, out: Path, n_nodes: int) -> Clock:
    """`n_nodes` 0: in this process."""
    clock = Clock()
    if not n_nodes:
        export_shipped(data, out, on_progress=clock.note)
        return clock
    node = {"num_cpus": 1, "memory": 8 * 2**30}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    for _ in range(n_nodes - 1):
        cluster.add_node(**node)
    cluster.wait_for_nodes()
    clock = Clock()
    export_shipped(data, out, ray=cluster.address, on_progress=clock.note)
    cluster.shutdown()
    return clock


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=2000)
    n_lines = parser.parse_args().lines
    source = SHIPPED / "formulary" / "head-train.jsonl"
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data.jsonl")
        lines = source.read_text(encoding="utf-8").splitlines()[:n_lines]
        data.write_text("\n".join(lines), encoding="utf-8")
        speed = 0.0
        for n_nodes in (0, 1, 2):
            out = Path(folder, str(n_nodes))
            clock = export(data, out, n_nodes)
            seconds = clock.last - clock.began
            assert clock.first is not None
            size = sum(path.stat().st_size for path in out.rglob("*.safetensors"))
            if not n_nodes:
                speed = (clock.total - clock.first_done) / (clock.last - clock.first)
                start = seconds - clock.total / speed
                print(
                    f"one process: {seconds:.1f} s, start-up {start:.1f} s, {speed:.0f} tokens a second"
                )
                continue
            working = clock.total / (n_nodes * speed) + size / _LOOPBACK
            print(
                f"{n_nodes} workers: {seconds:.1f} s; without start-up the model says {working:.1f} s, "
                f"so start-up and overhead are {seconds - working:.1f} s"
            )


if __name__ == "__main__":
    main()
