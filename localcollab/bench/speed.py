"""(a) The base and (b) the team against the bare loop of llama.cpp.

The limit of (b) is additive. If all members are read at every token, it is the sum of their bare loops.
For a deferral team it is the time of a bare loop of the base (the prompt, then one token at a time) plus,
for each expert, the time of a bare loop over exactly the batches that this expert read in the same run:
each holds all tokens since its last read. So it counts t_base + rate x t_expert and the catch-up at the
expert's batch speed, but no gate, head, sampling, bookkeeping or text. Base and experts use their own
number of threads, as in the team. An expert of another vocabulary reads its own tokens of the same text:
those of its words one at a time, the rest in the batches between.
"""

from bisect import bisect_right
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
from localcollab.methods.word_team import are_strangers, deferring
from localcollab.vocabularies.encoded import EncodedText
from localcollab.vocabularies.translated import TranslatedModel, start_of
from localcollab.vocabularies.written import WrittenText

RATES = (0.0, 0.1, 0.3, 1.0)
WORD_RATES = (0.0, 0.2, 1.0)
"""Of teams with two vocabularies: shares of words."""
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
    rates = WORD_RATES if are_strangers(setting.members) else RATES
    for rate in rates:
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
        for rate in rates
    }  # fmt: skip
    worst = min(found, key=lambda rate: found[rate].value or 0)
    by_rate = {f"{rate:g}": found[rate].value for rate in rates}
    return replace(
        found[worst],
        label=f"team / additive limit, at rate {worst:g}",
        note="at rate " + ", ".join(f"{rate} {value:.3f}" for rate, value in by_rate.items()),
        details={"by_rate": by_rate, "spread_by_rate": {f"{r:g}": found[r].spread for r in rates}},
    )


def _together_against_limit(setting: Setting, n_rounds: int) -> Figure:
    """For a team that reads every member at every token."""
    tokens, authors = written(setting.team.model, setting)
    plans = []
    for member in setting.members:
        own, theirs, n_prompt = own_tokens(member, tokens, authors[1:], len(setting.prompt))
        plans.append((own, [n_prompt] + [1] * len(theirs)))

    def limit() -> float:
        pairs = zip(setting.bare, plans, strict=True)
        return sum(bare.replay(own, sizes) for bare, (own, sizes) in pairs)

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
    return deferring("forced", base, experts, gate)


def paid_gate(gate: Gate, head: Head) -> Gate:
    """Runs the head on the hidden state, then decides as `gate` does; what that computes, a head would
    not, so it is computed once for each place."""
    decided: dict[tuple[int, int], Float32Array] = {}

    def defer(reading: Reading, n_tokens: int) -> Float32Array:
        assert reading.hidden is not None
        head.p_defer(reading.hidden)
        place = (n_tokens, len(reading.logits))
        if place not in decided:
            decided[place] = gate.defer(reading, n_tokens)
        return decided[place]

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
    plans = [(tokens, [n_prompt] + [1] * (len(authors) - 1))]
    for member in setting.members[1:]:
        own, theirs, n_own = own_tokens(member, tokens, authors, n_prompt)
        ends = isinstance(member, TranslatedModel)
        plans.append((own, catch_ups(theirs, member.name, n_own, ends=ends)))
    return sum(
        bare.replay(own, sizes)
        for bare, (own, sizes) in zip(setting.bare, plans, strict=True)
        if sizes
    )


def own_tokens(
    member: LanguageModel, tokens: Sequence[int], authors: Sequence[str], n_prompt: int
) -> tuple[Sequence[int], Sequence[str], int]:
    """(the sequence in the member's tokens, who wrote each of the answer's, how many come before it)."""
    if not isinstance(member, TranslatedModel):
        return tokens, authors, n_prompt
    written = WrittenText(member.vocabulary)
    text, breaks = written.of(tokens)
    encoded = EncodedText(member.inner.vocabulary)
    encoded.update(text, breaks)
    start = start_of(member.inner.vocabulary)
    begins = [0, *encoded.ends[:-1]]
    n_before = sum(at < written.ends[n_prompt] for at in begins)
    # A token's author is that of the base's token in which it begins.
    theirs = [
        authors[max(0, bisect_right(written.ends, at) - 1 - n_prompt)] for at in begins[n_before:]
    ]
    return [*start, *encoded.tokens], theirs, len(start) + n_before


def catch_ups(authors: Sequence[str], name: str, n_prompt: int, *, ends: bool = False) -> list[int]:
    """The number of tokens that `name` reads each time: all since it was last read. `ends`: it also reads
    the last token of what it wrote, to say that its word ends there."""
    sizes, n_read = [], 0
    for n, author in enumerate(authors):
        if author == name or (ends and n and authors[n - 1] == name):
            sizes.append(n_prompt + n - n_read)
            n_read = n_prompt + n
    return sizes
