"""(j) The first token of a conversation that is opened again, against the first time: the prompt cache.

Models are loaded and caches empty both times. The prompt has 2,000 tokens where the context allows it.
The second time its state is read from disk, which the system may still hold in memory, as it was written
just before; a cold disk adds the time of reading `state_bytes`.
"""

import tempfile
from pathlib import Path

from localcollab.bench.figures import Clock, Figure, alternate, choose_clock, figure, ratios
from localcollab.bench.setting import make_prompt
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.llama.header import read_header
from localcollab.llama.options import Options
from localcollab.llama.prompt_cache import PromptCache
from localcollab.progress import OnProgress
from localcollab.storage.state_files import StateFiles
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import TeamPlan

_N_PROMPT, _N_ROOM = 2000, 48
_LABEL = "second start: time to first token / the first time"


def second_start(
    plan: TeamPlan, n_rounds: int, on_progress: OnProgress, *, busy: bool = False
) -> Figure:
    """The ratio of times: lower is better. Raises what opening a team raises."""
    with tempfile.TemporaryDirectory() as folder:
        cache = PromptCache(StateFiles(Path(folder) / "states", limit_bytes=10**12))
        cache.begin("bench")
        options = Options(n_ctx=_n_ctx(plan), n_threads=1 if busy else None)
        team = open_team(plan, options, on_progress, cache)
        return _measured(team, cache, n_rounds, choose_clock(busy=busy))


def _measured(team: OpenTeam, cache: PromptCache, n_rounds: int, clock: Clock) -> Figure:
    n_prompt = min(_N_PROMPT, team.model.n_ctx - _N_ROOM)
    prompt = make_prompt(team.model.vocabulary, n_prompt)

    def first_token(*, recall: bool) -> float:
        for context in team.contexts:
            context.forget()
        started = clock()
        team.expect(prompt, recall=recall)
        for _ in generate(team.model, prompt, limits=Limits(max_tokens=1)):
            pass
        return clock() - started

    first_token(recall=False)
    team.keep_states()
    cache.flush()
    states = cache.files.entries()
    seconds = alternate(
        {"first": lambda: first_token(recall=False), "second": lambda: first_token(recall=True)},
        n_rounds,
    )
    n_bytes = sum(state.n_bytes for state in states)
    middle = {name: sorted(times)[n_rounds // 2] for name, times in seconds.items()}
    return figure(
        "second_start", _LABEL, ratios(seconds["second"], seconds["first"]),
        f"{1000 * middle['first']:.0f} ms, then {1000 * middle['second']:.0f} ms, for a prompt of "
        f"{n_prompt} tokens; {n_bytes / 1e6:.1f} MB on disk",
        n_prompt=n_prompt, state_bytes=n_bytes, n_states=len(states),
        first_seconds=middle["first"], second_seconds=middle["second"],
    )  # fmt: skip


def _n_ctx(plan: TeamPlan) -> int:
    sizes = [read_header(member.path).number("context_length") for member in plan.files]
    return min([_N_PROMPT + _N_ROOM, *(size for size in sizes if size)])
