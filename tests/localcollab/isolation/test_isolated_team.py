"""A team with isolated members, from a catalogue: it answers as without, and outlives their processes."""

import logging
import os
import random
import signal
from pathlib import Path

import pytest

from localcollab.catalog import shipped_catalog_path
from localcollab.catalog.reading import SHIPPED, parse_catalog
from localcollab.decoding.sampling import Sampling
from localcollab.errors import BadOption, WorkerLost
from localcollab.events import Finished
from localcollab.isolation.isolated import IsolatedModel
from localcollab.llama.options import Options
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import plan_from_catalog
from localcollab.teams.session import Session

pytestmark = pytest.mark.weights
QUESTION = "Sum up 6 doses of Teparmab for me."


def shipped(folder: Path, team: str, isolated: set[str]) -> OpenTeam:
    """A shipped team with some of its models in processes of their own."""
    source = shipped_catalog_path()
    text = source.read_text(encoding="utf-8")
    for name in isolated:
        text = text.replace(f"[models.{name}]\n", f"[models.{name}]\nisolated = true\n")
    path = folder / "models.toml"
    path.write_text(text, encoding="utf-8")
    catalog = parse_catalog(path, root=SHIPPED)
    plan = plan_from_catalog(catalog, catalog.team(team))
    return open_team(plan, Options(n_ctx=512, n_threads=1))


def answer(team: OpenTeam) -> str:
    *_, last = Session(team).ask(QUESTION, Sampling(temperature=0))
    assert isinstance(last, Finished)
    return last.text


def test_answers_as_without(tmp_path: Path) -> None:
    apart = shipped(tmp_path, "formulary", {"formulary-base", "arithmetic"})
    assert sum(isinstance(context, IsolatedModel) for context in apart.contexts) == 2
    assert answer(apart) == answer(shipped(tmp_path, "formulary", set()))
    for context in apart.contexts:
        context.close()


@pytest.mark.slow
def test_twenty_kills_cost_no_answer(tmp_path: Path) -> None:
    """Of any member, at any token; whoever looks on sees the same text."""
    random_, n_killed = random.Random(2), 0
    team = shipped(tmp_path, "formulary", {"formulary-base", "formulary", "arithmetic"})
    engines = [context for context in team.contexts if isinstance(context, IsolatedModel)]
    expected = answer(team)
    for _ in range(20):
        session, at = Session(team), random_.randint(1, 20)
        answered = list[object]()
        for n, event in enumerate(session.ask(QUESTION, Sampling(temperature=0))):
            answered.append(event)
            pid = random_.choice(engines).pid
            if n == at and pid is not None:
                os.kill(pid, signal.SIGKILL)
                n_killed += 1
        last = answered[-1]
        assert isinstance(last, Finished)
        assert last.text == expected
    assert n_killed >= 15
    for engine in engines:
        engine.close()


def test_an_expert_that_cannot_be_started_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    team = shipped(tmp_path, "formulary", {"arithmetic"})
    (engine,) = (context for context in team.contexts if isinstance(context, IsolatedModel))
    engine.close()

    def refuse(opening: object) -> None:
        raise WorkerLost("arithmetic: its process ended with SIGSEGV")

    monkeypatch.setattr("localcollab.isolation.isolated._Engine", refuse)
    with caplog.at_level(logging.WARNING, "localcollab.note"):
        assert answer(team)
    assert caplog.text.count("formulary goes on without arithmetic") == 1


def test_a_composition_takes_no_isolated_member(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match="remove 'isolated'"):
        shipped(tmp_path, "formulary-calm", {"arithmetic"})
