"""Every member of a team goes on from what it had read at the last start, whatever the method."""

from pathlib import Path

import numpy as np
import pytest

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.events import Finished, Token
from localcollab.llama.options import Options
from localcollab.llama.prompt_cache import PromptCache
from localcollab.storage.state_files import StateFiles
from localcollab.teams.choice import TeamChoice
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import TeamPlan, plan_from_files
from localcollab.teams.session import Session

pytestmark = pytest.mark.weights
QUESTION = "Who makes Kihelrine, and what does Cobrorlin contain? " * 10
SHIPPED = ("formulary", "formulary-calm", "formulary-mixture", "formulary-proxy")


def opened(plan: TeamPlan, folder: Path) -> OpenTeam:
    cache = PromptCache(StateFiles(folder))
    cache.begin("conversation:1")
    return open_team(plan, Options(n_ctx=1024), prompt_cache=cache)


def keep(team: OpenTeam) -> int:
    team.keep_states()
    assert team.prompt_cache is not None
    team.prompt_cache.flush()
    return len(team.prompt_cache.files.entries())


def n_evaluated(team: OpenTeam) -> list[int]:
    return [context.n_evaluated for context in team.contexts]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_second_start_reads_what_is_new_in_every_context(name: str, tmp_path: Path) -> None:
    plan = TeamChoice(team=name).plan()
    first = opened(plan, tmp_path)
    tokens = first.model.vocabulary.encode(QUESTION)
    more = [*tokens, *tokens[:5]]
    first.model.read(tokens)
    read_by = [n > 128 for n in n_evaluated(first)]
    assert keep(first) == sum(read_by) > 0
    second = opened(plan, tmp_path)
    logits = second.model.read(more).logits
    for n, was_read in zip(n_evaluated(second), read_by, strict=True):
        assert n == 5 or not was_read
    np.testing.assert_array_equal(logits, first.model.read(more).logits)


def test_a_bridge_on_other_models_is_another_composition(tmp_path: Path) -> None:
    """The anchor's states depend on what it attends to."""
    alone = opened(TeamChoice(team="formulary-calm").plan(), tmp_path)
    tokens = alone.model.vocabulary.encode(QUESTION)
    alone.model.read(tokens)
    keep(alone)
    deferral = opened(TeamChoice(team="formulary").plan(), tmp_path)
    deferral.model.read(tokens)
    assert max(n_evaluated(deferral)) >= len(tokens)


def test_a_team_of_strangers_goes_on_in_both_vocabularies(stories: Path, tmp_path: Path) -> None:
    base = TeamChoice(team="formulary").plan().files[0].path
    plan = plan_from_files(base, (stories,))

    def answer(team: OpenTeam) -> tuple[str, list[int]]:
        events = list(Session(team).ask(QUESTION, Sampling(), Limits(8)))
        (end,) = [event for event in events if isinstance(event, Finished)]
        assert any(isinstance(event, Token) for event in events)
        return end.text, n_evaluated(team)

    first = opened(plan, tmp_path)
    text, n_first = answer(first)
    assert min(n_first) > 128
    assert keep(first) == 2
    again, n_second = answer(opened(plan, tmp_path))
    assert again == text
    assert sum(n_second) < sum(n_first) / 3
