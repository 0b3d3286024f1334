"""A worker: lends this machine's processor to llama.cpp on others, from a child process.

A client may end that process (the protocol trusts whoever speaks it); then another one is started.
"""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from localcollab.children.ended import Ended
from localcollab.children.launch import Child, run
from localcollab.children.limits import DAY, GIB, Limits, memory_for, whole_machine
from localcollab.errors import BadOption, WorkerLost
from localcollab.llama.machine import physical_cores
from localcollab.llama.options import MAX_THREADS
from localcollab.llama.rpc import Address, parse_address, require_rpc

WARNING = (
    "llama.cpp's RPC has no password and no encryption, and its authors call it insecure: never open it "
    "to a network with others on it; lead it through SSH or WireGuard"
)
_SERVER, _FACTS = "localcollab.isolation.worker_child", "localcollab.isolation.worker_facts"
_SECONDS_TO_ANSWER = 20.0
_MOST_DEATHS, _SOON = 5, 0.5
"""So many servers in a row that lived for less than so many seconds: no client ends them."""
_LOOK_EVERY = 0.2


@dataclass(frozen=True, slots=True)
class WorkerRequest:
    """Raises `BadOption`."""

    listen: Address
    n_threads: int
    memory: int | None = None
    """Bytes; None: all that is there."""
    i_know: bool = False
    """That anyone who reaches the address can use, and end, this process."""

    def __post_init__(self) -> None:
        if not self.listen.is_loopback and not self.i_know:
            raise BadOption(
                f"`listen` is {self.listen}, which others may reach. {WARNING}; or give `i_know`"
            )
        if not 1 <= self.n_threads <= MAX_THREADS:
            raise BadOption(
                f"`n_threads` is {self.n_threads}: give a number from 1 to {MAX_THREADS}"
            )
        if self.memory is not None and self.memory < GIB // 2:
            raise BadOption(f"`memory` is {self.memory / GIB:g} GiB: give at least 0.5")


def worker_request(
    listen: str, *, n_threads: int | None, memory_gib: float | None, i_know: bool
) -> WorkerRequest:
    """Raises `BadOption`, also where llama.cpp is built without RPC."""
    require_rpc()
    memory = None if memory_gib is None else int(memory_gib * GIB)
    address = parse_address(listen, "listen")
    return WorkerRequest(address, n_threads or physical_cores(), memory, i_know)


def free_of(address: str) -> int:
    """Bytes of memory that a worker has free. Raises `BadOption`, `WorkerLost`."""
    where = parse_address(address)
    require_rpc()
    done = run(_FACTS, [str(where)], limits=Limits(memory_for(0), _SECONDS_TO_ANSWER))
    if done.code:
        said = done.last_line if done.code == 3 else done.words
        raise WorkerLost(
            f"worker {where} gives no answer ({said}): start `localcollab worker` there"
        )
    return int(done.out)


def serve(request: WorkerRequest, on_note: Callable[[str], None]) -> None:
    """Until it is interrupted. Raises `BadOption` where nothing can listen there."""
    _require_free(request.listen)
    for died in _lives(request):
        on_note(f"the worker {died}; it is started again")


def _lives(request: WorkerRequest) -> Iterator[str]:
    """Runs one server after another; yields how each ended."""
    n_soon = 0
    while True:
        began, limits = time.monotonic(), _limits(request)
        words = [str(request.listen), str(request.n_threads)]
        child = Child(_SERVER, words, limits=limits, stdin=None, stdout=subprocess.DEVNULL)
        try:
            while child.is_alive():
                time.sleep(_LOOK_EVERY)
        finally:
            code = child.close()
        n_soon = n_soon + 1 if time.monotonic() - began < _SOON else 0
        words_of_end = Ended(code, "", "", limits).words
        if n_soon >= _MOST_DEATHS:
            raise BadOption(
                f"the worker at {request.listen} {words_of_end}, {n_soon} times: give up"
            )
        yield words_of_end


def _limits(request: WorkerRequest) -> Limits:
    if request.memory is None:
        return whole_machine(seconds=365 * DAY)
    return Limits(memory_for(0) + request.memory, 365 * DAY)


def _require_free(address: Address) -> None:
    # llama.cpp says nothing where it cannot listen, and ends.
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        raise BadOption(
            f"`listen` is {address}, where nothing can listen ({error.strerror or error}): give "
            "another port, or end what listens there"
        ) from error
