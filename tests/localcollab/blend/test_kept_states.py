"""A member that made room for another goes on where it was when it is opened again."""

from pathlib import Path

import pytest

from localcollab.blend.residence import Needs, Residence
from localcollab.llama.options import Options
from localcollab.llama.prompt_cache import PromptCache
from localcollab.storage.state_files import StateFiles
from localcollab.teams.plan import plan_from_files

pytestmark = pytest.mark.weights


def test_a_member_that_was_closed_reads_nothing_twice(
    stories: Path, weak_stories: Path, tmp_path: Path
) -> None:
    cache = PromptCache(StateFiles(tmp_path / "states"))
    cache.begin("conversation:1")
    plans = {"one": plan_from_files(stories, ()), "other": plan_from_files(weak_stories, ())}
    residence = Residence(
        plans, Options(n_ctx=256), budget=3, needs=Needs(0, {"one": 2, "other": 2}),
        prompt_cache=cache,
    )  # fmt: skip
    text = [5 + n % 90 for n in range(200)]
    residence.open("one").model.read(text)
    residence.open("other").model.read(text)
    assert residence.held == ("other",)
    cache.flush()
    again = residence.open("one")
    again.model.read([*text, 7])
    assert [context.n_evaluated for context in again.contexts] == [1]
    cache.flush()
    assert len(cache.files.entries()) == 2
