"""Shards on a Ray cluster: one actor opens the task where there are cores and memory for it.

Ray connects to the address that the user gave, or starts a cluster of this machine alone on loopback.
Its usage reports, dashboard and log forwarding are off. A worker or node that is lost costs the shards it
had, which others do again; at the end, idle workers do again what takes much longer than the rest.
"""

import os
import socket
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic

from localcollab.errors import BadOption, LocalcollabError
from localcollab.sharding.work import OnPart, Result, Shard, Task

NEW_CLUSTER = "here"
_OFF = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
}
_STRAGGLES = 3.0
"""Times the median of a shard; sooner it may just be a long one."""
_MOST_TRIES = 4
_SECONDS_TO_CONNECT = 5.0
_LOOK_EVERY = 1.0


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """The ray module, connected: `auto` is the cluster of this machine, `here` a new one that ends with
    the work, else HOST:PORT. Raises `BadOption`."""
    if address not in (NEW_CLUSTER, "auto"):
        _require_listening(address)
    os.environ.update(_OFF)
    try:
        import ray
    except ImportError as error:
        raise BadOption("`ray` needs the package ray: pip install 'localcollab[ray]'") from error
    options: dict[str, Any] = {
        "include_dashboard": False, "log_to_driver": False, "configure_logging": False,
        # The same modules as here, also where they are not installed.
        "runtime_env": {"env_vars": {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **_OFF}},
    }  # fmt: skip
    try:
        if address == NEW_CLUSTER:
            ray.init(_node_ip_address="127.0.0.1", **options)
        else:
            ray.init(address=address, **options)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise _no_cluster(address, str(error)) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def map_by_ray(
    task: Task[Shard, Result],
    shards: Sequence[Shard],
    address: str,
    on_part: OnPart,
    n_units: Callable[[Shard], int],
) -> Iterator[tuple[int, Result]]:
    """(position, result) of each shard, as they are done. `n_units`: what `on_part` is told of each.

    Raises `BadOption`, and what the task raises.
    """
    with connected(address) as ray:
        pool = _Pool(ray, task, shards)
        for n, result in pool.results():
            on_part(n_units(shards[n]))
            yield n, result


def _require_listening(address: str) -> None:
    # Ray tries for minutes.
    host, _, port = address.rpartition(":")
    try:
        if not host or not port.isdigit():
            raise OSError("this is no HOST:PORT")
        socket.create_connection((host, int(port)), timeout=_SECONDS_TO_CONNECT).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, str(error)) from error


def _no_cluster(address: str, why: str) -> BadOption:
    first = why.strip().partition("\n")[0][:200]
    return BadOption(
        f"`ray` is {address!r}, where no cluster answers ({first}): start "
        f"one (ray start --head), or give {NEW_CLUSTER!r} for a new one on this machine"
    )


class _Worker(Generic[Shard, Result]):
    """What an actor does."""

    def __init__(self, task: Task[Shard, Result]) -> None:
        self._work = task.open()

    def ready(self) -> None:
        """Answers once the task is open."""

    def do(self, shard: Shard) -> Result:
        return self._work(shard, lambda _: None)


@dataclass(slots=True)
class _Job:
    """A shard that an actor works on."""

    n: int
    actor: Any
    began: float = field(default_factory=time.monotonic)


class _Pool(Generic[Shard, Result]):
    def __init__(self, ray: Any, task: Task[Shard, Result], shards: Sequence[Shard]) -> None:
        self._ray, self._shards = ray, shards
        self._make = ray.remote(_Worker).options(
            num_cpus=task.n_threads, memory=task.memory_bytes, max_restarts=0
        )
        self._task = ray.put(task)
        self._n_most = max(1, min(len(shards), self._room(task)))
        self._opening: dict[Any, Any] = {}
        """The reference that answers when an actor is ready -> the actor."""
        self._idle: list[Any] = []
        self._jobs: dict[Any, _Job] = {}
        """The reference of a result -> its job."""
        self._waiting = deque(range(len(shards)))
        self._tries = [0] * len(shards)
        self._n_lost_opening = 0
        self._seconds: list[float] = []

    def _room(self, task: Task[Shard, Result]) -> int:
        """How many actors the whole cluster has room for."""
        found = self._ray.cluster_resources()
        by_cpu = int(found.get("CPU", 1)) // max(1, task.n_threads)
        by_memory = int(found.get("memory", 0)) // max(1, task.memory_bytes)
        if by_cpu < 1 or by_memory < 1:
            raise BadOption(
                f"`ray`: no room for one worker of {task.n_threads} threads and "
                f"{task.memory_bytes / 2**30:.1f} GiB on this cluster: add a node, or give fewer threads"
            )
        return min(by_cpu, by_memory)

    def results(self) -> Iterator[tuple[int, Result]]:
        done: set[int] = set()
        while len(done) < len(self._shards):
            self._employ()
            self._assign(done)
            references = [*self._opening, *self._jobs]
            ready, _ = self._ray.wait(references, num_returns=1, timeout=_LOOK_EVERY)
            for reference in ready:
                if reference in self._opening:
                    self._opened(reference)
                    continue
                job = self._jobs.pop(reference)
                found = self._taken(reference, job, job.n in done)
                if found is not None and job.n not in done:
                    done.add(job.n)
                    self._seconds.append(time.monotonic() - job.began)
                    yield job.n, found[0]

    def _employ(self) -> None:
        """Actors for as much as there is left to do."""
        n_now = len(self._opening) + len(self._idle) + len(self._jobs)
        n_wanted = min(self._n_most, len(self._waiting) + len(self._jobs))
        for _ in range(n_wanted - n_now):
            actor = self._make.remote(self._task)
            self._opening[actor.ready.remote()] = actor

    def _opened(self, reference: Any) -> None:
        actor = self._opening.pop(reference)
        try:
            self._ray.get(reference)
        except self._ray.exceptions.RayActorError as error:
            self._n_lost_opening += 1
            cause = _own_error(error)
            if cause is not None:
                raise cause from None
            if self._n_lost_opening > _MOST_TRIES:
                raise LocalcollabError(
                    f"the workers on the Ray cluster end while they open the models: {_first_line(error)}"
                ) from error
            return
        self._idle.append(actor)

    def _assign(self, done: set[int]) -> None:
        while self._idle and (self._waiting or self._late(done) is not None):
            n = self._waiting.popleft() if self._waiting else self._late(done)
            assert n is not None
            if n in done:
                continue
            actor = self._idle.pop()
            self._jobs[actor.do.remote(self._shards[n])] = _Job(n, actor)

    def _late(self, done: set[int]) -> int | None:
        """A shard that one worker has had for long, and no second one."""
        if not self._seconds:
            return None
        limit = _STRAGGLES * statistics.median(self._seconds)
        working = [job.n for job in self._jobs.values()]
        for job in self._jobs.values():
            late = time.monotonic() - job.began > limit
            if late and job.n not in done and working.count(job.n) == 1:
                return job.n
        return None

    def _taken(self, reference: Any, job: _Job, is_done: bool) -> tuple[Result] | None:
        """The result; None where the worker was lost, and its shard waits again."""
        exceptions = self._ray.exceptions
        try:
            result: Result = self._ray.get(reference)
        except exceptions.RayTaskError as error:
            raise _own_error(error) or error from None
        except (exceptions.RayActorError, exceptions.ObjectLostError) as error:
            self._tries[job.n] += 1
            if self._tries[job.n] >= _MOST_TRIES:
                raise LocalcollabError(
                    f"shard {job.n + 1} was lost {_MOST_TRIES} times with its worker on the Ray cluster "
                    f"({_first_line(error)}): run the command again, or without `ray`"
                ) from error
            if not is_done:
                self._waiting.append(job.n)
            return None
        self._idle.append(job.actor)
        return (result,)


def _own_error(error: BaseException) -> LocalcollabError | None:
    """What the task raised on another process, as it would be raised here."""
    cause: BaseException | None = getattr(error, "cause", None) or error
    return cause if isinstance(cause, LocalcollabError) else None


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0][:200]
