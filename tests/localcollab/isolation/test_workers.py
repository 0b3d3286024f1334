"""Members on workers, through llama.cpp's RPC: the same tokens, and no death takes the program along.

Needs a build with RPC: `scripts/test --beyond`.
"""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from localcollab.catalog import Catalog, shipped_catalog_path
from localcollab.catalog.reading import SHIPPED, parse_catalog
from localcollab.decoding.sampling import Sampling
from localcollab.errors import WorkerLost
from localcollab.events import Finished
from localcollab.isolation.isolated import IsolatedModel, Opening
from localcollab.language_model import Stopped
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.rpc import has_rpc
from localcollab.llama.weights import load_weights, plan_weights
from localcollab.models.fit import fit_team
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import plan_from_catalog
from localcollab.teams.session import Session

pytestmark = [
    pytest.mark.weights,
    pytest.mark.slow,
    pytest.mark.skipif(not has_rpc(), reason="llama.cpp without RPC: scripts/test --beyond"),
]
OPTIONS = Options(n_ctx=256, n_threads=1, extra_buffers=False)
QUESTION = "Sum up 6 doses of Teparmab for me."
PROXY = Path(__file__).parents[3] / "scripts" / "experiments" / "tcp_proxy.py"


class Worker:
    """A running `localcollab worker`."""

    def __init__(self, namespace: str = "", host: str = "127.0.0.1") -> None:
        """`namespace`: of the network, in which it has the address `host`."""
        with socket.socket() as trial:
            trial.bind(("127.0.0.1", 0))
            self.port = int(trial.getsockname()[1])
        self.address = f"{host}:{self.port}"
        inside = ["ip", "netns", "exec", namespace] if namespace else []
        command = [*inside, sys.executable, "-m", "localcollab", "worker", "--listen", self.address]
        words = ["--threads", "1", *(["--i-know"] if namespace else [])]
        self.process = subprocess.Popen([*command, *words], stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        while not self.process.stdout.readline().startswith(b"lending"):
            assert self.process.poll() is None
        while not self.servers():
            time.sleep(0.05)
        time.sleep(0.5)

    def servers(self) -> list[int]:
        """The processes that serve, which are children of the command."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()] if path.exists() else []

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def worker() -> Iterator[Worker]:
    found = Worker()
    yield found
    found.end()


@contextlib.contextmanager
def proxy(worker: Worker, milliseconds: int, drops: Path) -> Iterator[str]:
    command = [sys.executable, str(PROXY), str(worker.port), str(milliseconds), str(drops)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"127.0.0.1:{process.stdout.readline().strip()}"
        process.kill()


def remote(path: Path, address: str) -> IsolatedModel:
    weights = plan_weights(path, 0, extra_buffers=False)
    return IsolatedModel(Opening("far", weights, OPTIONS, extra_buffers=False, worker=address))


def greedy(model: IsolatedModel | LlamaModel, n: int) -> list[int]:
    tokens = [1]
    for _ in range(n):
        tokens.append(int(model.read(tokens).logits[-1].argmax()))
    return tokens


def test_a_worker_gives_the_same_tokens_and_states(stories: Path, worker: Worker) -> None:
    far = remote(stories, worker.address)
    near = LlamaModel(load_weights(stories, OPTIONS, extra_buffers=False), OPTIONS, name="near")
    tokens = greedy(near, 60)
    assert greedy(far, 60) == tokens
    ours, theirs = (model.read(tokens, last=30, hidden=True) for model in (far, near))
    assert np.allclose(ours.logits, theirs.logits, atol=1e-3)
    assert ours.hidden is not None
    assert theirs.hidden is not None
    assert np.allclose(ours.hidden, theirs.hidden, atol=1e-3)
    far.close()


def test_where_nobody_listens_is_said(stories: Path) -> None:
    with pytest.raises(WorkerLost, match="cannot be reached"):
        remote(stories, "127.0.0.1:9")


def catalog_with(folder: Path, workers: Mapping[str, str]) -> Catalog:
    """The shipped one; `workers`: addresses by model, under names of their own."""
    text = shipped_catalog_path().read_text(encoding="utf-8")
    for model in workers:
        text = text.replace(f"[models.{model}]\n", f'[models.{model}]\nworker = "of-{model}"\n')
    lines = [f'of-{model} = "{address}"' for model, address in workers.items()]
    path = folder / "models.toml"
    path.write_text("\n".join([text, "[workers]", *lines]), encoding="utf-8")
    return parse_catalog(path, root=SHIPPED)


def team(folder: Path, **workers: str) -> OpenTeam:
    """The shipped team with experts on workers."""
    catalog = catalog_with(folder, workers)
    plan = plan_from_catalog(catalog, catalog.team("formulary"))
    return open_team(plan, Options(n_ctx=512, n_threads=1))


def answer(found: OpenTeam) -> str:
    *_, last = Session(found).ask(QUESTION, Sampling(temperature=0))
    assert isinstance(last, Finished)
    return last.text


def test_a_worker_killed_at_twenty_moments_costs_no_turn(tmp_path: Path, worker: Worker) -> None:
    """The command starts another server, the team another engine; every answer is complete."""
    random_, found = random.Random(3), team(tmp_path, arithmetic=worker.address)
    sampling, texts, n_killed = Sampling(temperature=0), [], 0
    for n in range(21):
        at, events = random_.randint(1, 20), list[object]()
        for i, event in enumerate(Session(found).ask(QUESTION, sampling)):
            events.append(event)
            if n and i == at:
                os.kill(worker.servers()[0], signal.SIGKILL)
                n_killed += 1
        last = events[-1]
        assert isinstance(last, Finished)
        texts.append(last.text)
        time.sleep(1)  # for the command to start another
    assert n_killed >= 18
    assert texts == texts[:1] * len(texts)
    for context in found.contexts:
        context.close()


@pytest.fixture
def hosts() -> Iterator[list[tuple[str, str]]]:
    """Two network namespaces, (name, address) each, that this one reaches."""
    made = list[tuple[str, str]]()

    def ip(*words: str) -> bool:
        try:
            return not subprocess.run(["ip", *words], capture_output=True, check=False).returncode
        except FileNotFoundError:
            return False

    try:
        for n in (1, 2):
            name, near, far = (
                f"lc-{os.getpid()}-{n}",
                f"lc{os.getpid()}n{n}",
                f"lc{os.getpid()}f{n}",
            )
            if not ip("netns", "add", name):
                pytest.skip("network namespaces are not permitted here")
            made.append((name, f"10.213.{n}.2"))
            ip("link", "add", near, "type", "veth", "peer", "name", far)
            ip("link", "set", far, "netns", name)
            ip("addr", "add", f"10.213.{n}.1/24", "dev", near)
            ip("link", "set", near, "up")
            for words in (
                ("addr", "add", f"10.213.{n}.2/24", "dev", far),
                ("link", "set", far, "up"),
            ):
                ip("netns", "exec", name, "ip", *words)
        yield made
    finally:
        for name, _ in made:
            ip("netns", "del", name)


def test_two_hosts_hold_an_expert_each(
    hosts: list[tuple[str, str]], tmp_path: Path, stories: Path
) -> None:
    workers = [Worker(*host) for host in hosts]
    try:
        formulary, arithmetic = (worker.address for worker in workers)
        found = team(tmp_path, formulary=formulary, arithmetic=arithmetic)
        alone = catalog_with(tmp_path, {})
        plan = plan_from_catalog(alone, alone.team("formulary"))
        assert answer(found) == answer(open_team(plan, Options(n_ctx=512, n_threads=1)))
        for context in found.contexts:
            context.close()
        catalog = catalog_with(tmp_path, {"formulary": formulary, "arithmetic": arithmetic})
        fit = fit_team(catalog, catalog.team("formulary"), Options())
        assert [each.worker for each in fit.remote] == [formulary, arithmetic]
        assert all(each.free and 0 < each.needed < each.free for each in fit.remote)
        assert [weight.name for weight in fit.weights] == ["formulary-base"]
    finally:
        for worker in workers:
            worker.end()


def test_a_slow_worker_gives_the_same_and_a_silent_one_can_be_stopped(
    stories: Path, worker: Worker, tmp_path: Path
) -> None:
    drops = tmp_path / "drops"
    with proxy(worker, 10, drops) as address:
        far = remote(stories, address)
        tokens = greedy(far, 5)
        near = LlamaModel(load_weights(stories, OPTIONS, extra_buffers=False), OPTIONS, name="n")
        assert tokens == greedy(near, 5)
        drops.touch()
        began = time.monotonic()

        def stop(done: int, total: int) -> None:
            if time.monotonic() - began > 1:
                raise Stopped

        with pytest.raises(Stopped):
            far.read([*tokens, 1, 2, 3], on_chunk=stop)
        assert time.monotonic() - began < 15
        far.close()


def test_a_silent_worker_is_lost_in_the_end(
    stories: Path, worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("localcollab.isolation.isolated._LONGEST_SILENCE", 3.0)
    drops = tmp_path / "drops"
    with proxy(worker, 0, drops) as address:
        far = remote(stories, address)
        far.read([1, 2])
        drops.touch()
        with pytest.raises(WorkerLost):
            far.read([1, 2, 3])
        far.close()
