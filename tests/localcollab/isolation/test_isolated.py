"""A model in a process of its own reads as one in this process, and its end costs a turn."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fakes import ScriptedModel
from localcollab.errors import BadOption, ContextFull, WorkerLost
from localcollab.isolation.isolated import IsolatedModel, Opening, _Engine
from localcollab.language_model import Stopped, rows_at_once
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.probe import probe
from localcollab.llama.weights import load_weights, plan_weights
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import Gate, parse_gate

OPTIONS = Options(n_ctx=256, n_batch=64, n_threads=1, extra_buffers=False)


def opening(path: Path) -> Opening:
    weights = plan_weights(path, 0, extra_buffers=False)
    return Opening("expert", weights, OPTIONS, extra_buffers=False)


@pytest.fixture
def isolated(stories: Path) -> Iterator[IsolatedModel]:
    model = IsolatedModel(opening(stories))
    yield model
    model.close()


@pytest.fixture
def local(stories: Path) -> LlamaModel:
    weights = load_weights(stories, OPTIONS, extra_buffers=probe(stories).extra_buffers)
    return LlamaModel(weights, OPTIONS, name="expert")


@pytest.mark.weights
def test_reads_what_a_local_model_reads(isolated: IsolatedModel, local: LlamaModel) -> None:
    random_ = random.Random(0)
    tokens: list[int] = []
    assert (isolated.n_ctx, isolated.n_embd) == (local.n_ctx, local.n_embd)
    for _ in range(40):
        kept = random_.randint(0, len(tokens)) if random_.random() < 0.3 else len(tokens)
        kept = min(kept, 150)
        n_new = random_.choice([1, 1, 2, 90])
        tokens = tokens[:kept] + random_.choices(range(local.vocabulary.n_tokens), k=n_new)
        last, hidden = random_.randint(0, min(n_new, len(tokens))), random_.random() < 0.5
        ours = isolated.read(tokens, last=last, hidden=hidden)
        theirs = local.read(tokens, last=last, hidden=hidden)
        assert np.array_equal(ours.logits, theirs.logits)
        assert (ours.hidden is None) == (theirs.hidden is None)
        if ours.hidden is not None and theirs.hidden is not None:
            assert np.array_equal(ours.hidden, theirs.hidden)
    assert (isolated.n_evaluated, isolated.n_batches) == (local.n_evaluated, local.n_batches)


@pytest.mark.weights
def test_more_rows_than_the_shared_block_arrive(stories: Path) -> None:
    large = replace(OPTIONS, n_ctx=1024)
    weights = load_weights(stories, large, extra_buffers=False)
    local = LlamaModel(weights, large, name="expert")
    isolated = IsolatedModel(replace(opening(stories), options=large))
    n_rows = rows_at_once(local.vocabulary.n_tokens) + 60
    tokens = random.Random(0).choices(range(local.vocabulary.n_tokens), k=n_rows)
    rows, expected = (model.read(tokens, last=n_rows, hidden=True) for model in (isolated, local))
    assert np.array_equal(rows.logits, expected.logits)
    assert rows.hidden is not None
    assert expected.hidden is not None
    assert np.array_equal(rows.hidden, expected.hidden)
    isolated.close()


@pytest.mark.weights
def test_progress_is_told_and_a_stop_keeps_the_model(isolated: IsolatedModel) -> None:
    told: list[tuple[int, int]] = []
    isolated.read([1] * 200, on_chunk=lambda done, total: told.append((done, total)))
    assert told[-1] == (200, 200)

    def stop(done: int, total: int) -> None:
        raise Stopped

    isolated.forget()
    pid = isolated.pid
    with pytest.raises(Stopped):
        isolated.read([2] * 200, on_chunk=stop)
    assert np.isfinite(isolated.read([2] * 10).logits).all()
    assert isolated.pid == pid


@pytest.mark.weights
def test_errors_are_those_of_a_local_model(isolated: IsolatedModel) -> None:
    with pytest.raises(ContextFull, match="257 tokens"):
        isolated.read([1] * 257)
    for bad in ([], [isolated.vocabulary.n_tokens], [-1]):
        with pytest.raises(BadOption):
            isolated.read(bad)
    with pytest.raises(BadOption, match="n_threads"):
        isolated.set_threads(0)
    assert isolated.read([1]).logits.shape == (1, isolated.vocabulary.n_tokens)


@pytest.mark.weights
def test_what_cannot_be_opened_is_said(stories: Path) -> None:
    weights = plan_weights(stories, 0, extra_buffers=False)
    wrong = Opening("x", weights, Options(n_gpu_layers=1), extra_buffers=False)
    with pytest.raises(BadOption, match="n_gpu_layers"):
        IsolatedModel(wrong)


@pytest.mark.weights
def test_a_killed_engine_is_started_again(
    isolated: IsolatedModel, caplog: pytest.LogCaptureFixture
) -> None:
    before = isolated.read([1, 2, 3]).logits
    pid = isolated.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    isolated.read([1, 2, 3, 4])
    assert np.allclose(isolated.read([1, 2, 3]).logits, before, atol=0.05)
    assert isolated.pid != pid
    assert caplog.text.count("SIGKILL") == 1


@pytest.mark.weights
@pytest.mark.slow
def test_killed_at_any_moment_it_comes_back(isolated: IsolatedModel) -> None:
    random_ = random.Random(1)
    expected = [isolated.read([1] * n).logits for n in range(1, 101)]
    for _ in range(10):
        isolated.forget()
        assert isolated.pid is not None
        timer = threading.Timer(random_.uniform(0, 0.02), os.kill, (isolated.pid, signal.SIGKILL))
        timer.start()
        for n, row in enumerate(expected, 1):
            assert np.allclose(isolated.read([1] * n).logits, row, atol=0.05)
        timer.join()
        isolated.read([1])


@pytest.mark.weights
def test_one_that_keeps_dying_is_left_alone(
    isolated: IsolatedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    model = IsolatedModel(isolated._opening, clock=lambda: now[0])

    class Dying(_Engine):
        def __init__(self, opening: Opening) -> None:
            super().__init__(opening)
            os.kill(self.pid, signal.SIGKILL)

    with monkeypatch.context() as patched:
        patched.setattr("localcollab.isolation.isolated._Engine", Dying)
        model.close()
        with pytest.raises(WorkerLost, match="SIGKILL"):
            model.read([1])
    with pytest.raises(WorkerLost, match="wait 5 s"):
        model.read([1])
    now[0] = 6.0
    model.read([1])
    model.close()


@pytest.mark.weights
def test_an_engine_that_hangs_is_ended_by_a_stop(isolated: IsolatedModel) -> None:
    assert isolated.pid is not None
    os.kill(isolated.pid, signal.SIGSTOP)
    started = time.monotonic()

    def stop(done: int, total: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        isolated.read([1] * 50, on_chunk=stop)
    assert time.monotonic() - started < 10
    assert isolated.read([1]).logits.shape[0] == 1


@pytest.mark.parametrize("compose", [False, True])
def test_a_team_goes_on_without_a_lost_expert(
    compose: bool, caplog: pytest.LogCaptureFixture
) -> None:
    class Lost(ScriptedModel):
        is_lost = True

        def read(self, *args: object, **options: object):  # type: ignore[no-untyped-def]
            if self.is_lost:
                raise WorkerLost("its process ended")
            return super().read(*args, **options)  # type: ignore[arg-type]

    base, lost = ScriptedModel(b"ab"), Lost(b"xy", name="lost")
    other = ScriptedModel(b"mn", name="other")
    gate: Gate = parse_gate("always", 2)
    team = DeferralTeam("team", base, [lost, other], gate, compose=compose)
    for _ in range(2):
        reading = team.read(list(b"q"))
        assert team.attribute(reading, int(reading.logits[-1].argmax())) in ("other", "base")
        assert reading.p_defer is not None
        assert reading.p_defer[0, 0] == 0
    assert caplog.text.count("goes on without lost") == 1
    lost.is_lost = False
    assert "lost" in team.read(list(b"q")).members
