"""Exports on a simulated cluster of two nodes: `ray_driver.py DATA OUT [kill]`; with `kill` one node is
lost after the first shard. In a process of its own, since tests may not connect to anything."""

import sys
from pathlib import Path

from ray.cluster_utils import Cluster

from export_shipped import export_shipped


def main(data: Path, out: Path, *, kills: bool) -> None:
    gib = 2**30
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 1, "memory": 8 * gib, "include_dashboard": False},
    )
    second = cluster.add_node(num_cpus=1, memory=8 * gib)
    cluster.wait_for_nodes()
    lost: list[object] = []

    def on_progress(event: object) -> None:
        done = getattr(event, "done", 0)
        if kills and done and not lost:
            lost.append(second)
            cluster.remove_node(second, allow_graceful=False)

    export_shipped(data, out, ray=cluster.address, on_progress=on_progress)
    assert bool(lost) == kills
    cluster.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), kills="kill" in sys.argv[3:])
