"""Several conversations on the same weights: contexts of their own, freed when they are closed."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from localcollab.catalog import load_catalog
from localcollab.errors import BadOption
from localcollab.events import Event, Finished
from localcollab.llama.options import Options
from localcollab.teams.open import Files
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import TeamPlan, plan_from_catalog
from localcollab.teams.session import Session

pytestmark = pytest.mark.weights
QUESTIONS = ("What do 7 doses of Kihelrine add up to?", "And who makes it?")


def shipped_plan(name: str) -> TeamPlan:
    catalog = load_catalog()
    plan = plan_from_catalog(catalog, catalog.team(name))
    # What is proposed and rejected, and the measuring, evaluates more tokens.
    return replace(plan, settings=replace(plan.settings, speculation=False))


def answer(events: list[Event]) -> str:
    return next(event.text for event in events if isinstance(event, Finished))


def ask_in_turn(sessions: list[Session]) -> list[list[str]]:
    return [[answer(list(session.ask(text))) for session in sessions] for text in QUESTIONS]


def n_evaluated(files: Files) -> int:
    return sum(context.n_evaluated for context in files.contexts)


@pytest.mark.parametrize("name", ["formulary", "formulary-calm", "formulary-proxy"])
def test_two_conversations_in_turn_evaluate_no_more_than_one_after_the_other(name: str) -> None:
    plan, files = shipped_plan(name), Files(Options())
    teams: list[OpenTeam] = [files.open(plan)]
    other = files.beside()
    teams.append(other.open(plan))
    in_turn = ask_in_turn([Session(team) for team in teams])
    assert all(one == two for one, two in in_turn)
    assert n_evaluated(files) == n_evaluated(other)
    assert [c.weights for c in files.contexts] == [c.weights for c in other.contexts]


def test_contexts_beside_others_have_the_same_size_whatever_memory_is_free() -> None:
    plan, files = shipped_plan("formulary"), Files(Options())
    files.open(plan)
    other = files.beside()
    other.open(plan)
    assert [c.n_ctx for c in other.contexts] == [c.n_ctx for c in files.contexts]


def test_a_closed_context_refuses_to_read() -> None:
    plan, files = shipped_plan("formulary"), Files(Options())
    team = files.open(plan)
    files.close()
    with pytest.raises(BadOption, match="closed"):
        team.model.read([1, 2, 3])


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_opening_and_closing_fifty_contexts_takes_no_more_memory_than_opening_some() -> None:
    plan, files = shipped_plan("formulary"), Files(Options(n_ctx=512))
    files.open(plan)
    rss = [_open_and_close(files, plan) for _ in range(50)]
    # Measured: 0 alone, 8 MiB of fragments behind other tests; kept open, 40 of them take 620 MiB.
    assert rss[-1] - rss[9] < 64 * 2**20, [size >> 20 for size in rss]


def _open_and_close(files: Files, plan: TeamPlan) -> int:
    other = files.beside()
    session = Session(other.open(plan))
    list(session.ask(QUESTIONS[0]))
    other.close()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
