"""(a) The base and (b) the team against the bare loop of llama.cpp.

The limit of (b) is additive. If all members are read at every token, it is the sum of their bare loops.
For a deferral team it is the time of a bare loop of the base (the prompt, then one token at a time) plus,
for each expert, the time of a bare loop over exactly the batches that this expert read in the same run:
each holds all tokens since its last read. So it counts t_base + rate x t_expert and the catch-up at the
expert's batch speed, but no gate, head, sampling, bookkeeping or text. Base and experts use their own
number of threads, as in the team.
"""

from collections.abc import Sequence
from dataclasses import replace

from localcollab.bench.figures import Figure, Task, alternate, figure, ratios
from localcollab.bench.setting import N_ANSWER, Setting
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.events import Token
from localcollab.language_model import Float32Array, LanguageModel, Reading
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import Gate, random_gate
from localcollab.methods.heads import Head

RATES = (0.0, 0.1, 0.3, 1.0)
_LIMITS = Limits(max_tokens=N_ANSWER)


def base_against_bare(setting: Setting, n_rounds: int) -> Figure:
    """The lower of two ratios: prompt and answer together, and the answer alone."""
    base, bare = setting.team.base, setting.bare[0]
    ours, theirs = _Parts(), _Parts()

    def run_ours() -> float:
        setting.forget()
        started = setting.clock()
        first = first_token_at(base, setting)
        return ours.note(setting.clock() - started, setting.clock() - first)

    def run_bare() -> float:
        answer = bare.answer(setting.prompt, N_ANSWER)
        return theirs.note(answer.seconds_prompt + answer.seconds_answer, answer.seconds_answer)

    alternate({"bare": run_bare, "base": run_ours}, n_rounds)
    whole = ratios(theirs.whole[1:], ours.whole[1:])
    answers = ratios(theirs.answer[1:], ours.answer[1:])
    label = "base alone / bare loop"
    found = [
        figure("base_vs_raw", f"{label}, prompt and answer", whole),
        figure("base_vs_raw", f"{label}, answer only", answers),
    ]
    lower = min(found, key=lambda f: f.value or 0)
    bare_speed = N_ANSWER / sorted(theirs.answer[1:])[n_rounds // 2]
    details = {"prompt_and_answer": found[0].value, "answer_only": found[1].value,
               "bare_tokens_per_second": bare_speed}  # fmt: skip
    return replace(lower, note=f"bare loop: {bare_speed:.1f} tokens/s", details=details)


class _Parts:
    """Seconds of a whole run, and of its answer after the first token."""

    def __init__(self) -> None:
        self.whole: list[float] = []
        self.answer: list[float] = []

    def note(self, whole: float, answer: float) -> float:
        self.whole.append(whole)
        self.answer.append(answer)
        return whole


def team_against_limit(setting: Setting, n_rounds: int) -> Figure:
    """For a deferral team the worst of the forced rates; `details` has all of them."""
    if not isinstance(setting.team.model, DeferralTeam):
        return _together_against_limit(setting, n_rounds)
    tasks: dict[str, Task] = {}
    for rate in RATES:
        team = forced_team(setting, rate)
        tokens, authors = written(team, setting)
        tasks[f"team at {rate:g}"] = lambda team=team: seconds_of(team, setting)  # type: ignore[misc]
        tasks[f"limit at {rate:g}"] = lambda tokens=tokens, authors=authors: (  # type: ignore[misc]
            limit_seconds(setting, tokens, authors)
        )
    seconds = alternate(tasks, n_rounds)
    found = {
        rate: figure("team_vs_limit", "", ratios(seconds[f"limit at {rate:g}"],
                                                 seconds[f"team at {rate:g}"]))
        for rate in RATES
    }  # fmt: skip
    worst = min(found, key=lambda rate: found[rate].value or 0)
    by_rate = {f"{rate:g}": found[rate].value for rate in RATES}
    return replace(
        found[worst],
        label=f"team / additive limit, at rate {worst:g}",
        note="at rate " + ", ".join(f"{rate} {value:.3f}" for rate, value in by_rate.items()),
        details={"by_rate": by_rate, "spread_by_rate": {f"{r:g}": found[r].spread for r in RATES}},
    )


def _together_against_limit(setting: Setting, n_rounds: int) -> Figure:
    """For a team that reads every member at every token."""
    tokens, _ = written(setting.team.model, setting)
    batches = [len(setting.prompt)] + [1] * (N_ANSWER - 1)

    def limit() -> float:
        return sum(bare.replay(tokens, batches) for bare in setting.bare)

    seconds = alternate(
        {"team": lambda: seconds_of(setting.team.model, setting), "limit": limit}, n_rounds
    )
    return figure(
        "team_vs_limit", "team / sum of its members", ratios(seconds["limit"], seconds["team"]),
        f"{len(setting.bare)} members at every token",
    )  # fmt: skip


def forced_team(setting: Setting, rate: float) -> DeferralTeam:
    """The team with a random gate that costs what its own gate would."""
    base, *experts = setting.members
    gate = random_gate(rate, len(experts))
    if setting.team.head is not None:
        gate = paid_gate(gate, setting.team.head)
    return DeferralTeam("forced", base, experts, gate)


def paid_gate(gate: Gate, head: Head) -> Gate:
    """Runs the head on the hidden state, then decides as `gate` does."""

    def defer(reading: Reading, n_tokens: int) -> Float32Array:
        assert reading.hidden is not None
        head.p_defer(reading.hidden)
        return gate.defer(reading, n_tokens)

    return Gate("head", True, defer)


def written(model: LanguageModel, setting: Setting) -> tuple[list[int], list[str]]:
    """Prompt and answer as read, and the author of each answer token."""
    events = [e for e in generate(model, setting.prompt, limits=_LIMITS) if isinstance(e, Token)]
    answer = [event.id for event in events]
    assert len(answer) == N_ANSWER
    return [*setting.prompt, *answer[:-1]], [event.author for event in events]


def first_token_at(model: LanguageModel, setting: Setting) -> float:
    """Write a whole greedy answer. Returns the time of its first token."""
    first = 0.0
    for event in generate(model, setting.prompt, limits=_LIMITS):
        if isinstance(event, Token) and not first:
            first = setting.clock()
    return first


def seconds_of(model: LanguageModel, setting: Setting) -> float:
    """Prompt and answer, from empty caches."""
    setting.forget()
    started = setting.clock()
    first_token_at(model, setting)
    return setting.clock() - started


def limit_seconds(setting: Setting, tokens: Sequence[int], authors: Sequence[str]) -> float:
    """The bare loops one after the other: the base, then each expert that was read."""
    n_prompt = len(setting.prompt)
    batches = [[n_prompt] + [1] * (len(authors) - 1)]
    batches += [
        catch_ups(authors, member.name, n_prompt) for member in setting.members[1:]
    ]  # fmt: skip
    return sum(
        bare.replay(tokens, sizes)
        for bare, sizes in zip(setting.bare, batches, strict=True)
        if sizes
    )


def catch_ups(authors: Sequence[str], name: str, n_prompt: int) -> list[int]:
    """The number of tokens that `name` reads each time: all since it was last read."""
    sizes, n_read = [], 0
    for n, author in enumerate(authors):
        if author == name:
            sizes.append(n_prompt + n - n_read)
            n_read = n_prompt + n
    return sizes
