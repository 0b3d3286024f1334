"""What a seat gives up goes to disk, and comes back from there."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from localcollab.api.sources import TokenSource
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.prompt_cache import PromptCache
from localcollab.server.seats import Seat, Turn
from localcollab.storage.state_files import StateFiles
from localcollab.teams.plan import plan_from_files

pytestmark = pytest.mark.weights
Open = Callable[[], tuple[Seat, LlamaModel]]


@pytest.fixture
def another(stories: Path, tmp_path: Path) -> Iterator[Open]:
    """A seat of a server as it is started again."""
    sources = []

    def open_() -> tuple[Seat, LlamaModel]:
        cache = PromptCache(StateFiles(tmp_path / "states"))
        cache.begin("server")
        plan = plan_from_files(stories, ())
        source = TokenSource(plan, Options(n_ctx=512), prompt_cache=cache)
        sources.append(source)
        (context,) = source.team.contexts
        assert isinstance(context, LlamaModel)
        return Seat(source.team, Turn()), context

    yield open_
    for source in sources:
        source.close()


def text(seed: int) -> list[int]:
    return [int(token) for token in np.random.default_rng(seed).integers(3, 500, 200)]


def ask(seat: Seat, prompt: list[int], *, reuse: bool = True) -> None:
    seat.begin(prompt, reuse=reuse)
    seat.read(prompt)


def test_a_conversation_that_was_evicted_comes_back_in_another_server(another: Open) -> None:
    seat, _ = another()
    for seed in range(3):
        ask(seat, text(seed))
    cache = seat.team.prompt_cache
    assert cache is not None
    cache.flush()
    assert len(cache.files.entries()) == 2
    seat, context = another()
    for seed in (1, 0):
        ask(seat, text(seed))
    assert context.n_evaluated == 2


def test_a_request_without_reuse_evaluates_its_prompt(another: Open) -> None:
    seat, _ = another()
    ask(seat, text(0))
    ask(seat, text(1))
    assert seat.team.prompt_cache is not None
    seat.team.prompt_cache.flush()
    seat, context = another()
    ask(seat, text(0), reuse=False)
    assert context.n_evaluated == 200
