"""What proposed tokens gain: (h) beside the plain team, (i) beside the base alone, (k) where an answer
quotes its source.

Speeds are tokens a second after the first one. Each answer is written plainly and with proposals in turn,
with nothing learned before and no earlier answer remembered. Answers that end in a loop are left out:
loops are accepted eagerly.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from localcollab.bench.dictated import Dictated
from localcollab.bench.figures import Figure, figure, skipped
from localcollab.bench.setting import Setting, llama_of
from localcollab.bench.texts import ASKED, PASSAGE, QUESTIONS, SENTENCES
from localcollab.catalog import SHIPPED
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.controller import Speculation
from localcollab.decoding.costs import Clock
from localcollab.decoding.generate import generate
from localcollab.events import Event, Finished, Token
from localcollab.language_model import LanguageModel
from localcollab.teams.session import Session

MAX_TOKENS = 128
_LEAST_TOKENS = 8
"""Answers of fewer say nothing about speed."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer, written in two ways."""

    n_tokens: tuple[int, int]
    speeds: tuple[float, float]
    """Tokens a second: without proposals, and with them."""
    is_same: bool
    is_loop: bool
    proposed: int
    accepted: int

    @property
    def ratio(self) -> float:
        plain, proposing = self.speeds
        return proposing / plain


def answer_twice(
    model: LanguageModel,
    prompt: Sequence[int],
    speculation: Speculation,
    clock: Clock,
    *,
    max_tokens: int = MAX_TOKENS,
    plain_first: bool = True,
) -> Answered:
    """Timed after one time that does not count: whoever is read has read the prompt by then."""
    limits = Limits(max_tokens=max_tokens)

    def write(proposes: bool) -> tuple[Finished, float]:
        events = generate(
            model, prompt, limits=limits, speculation=speculation if proposes else None
        )
        return timed(events, clock)

    write(False)
    if plain_first:
        (plain, slow), (proposing, fast) = write(False), write(True)
    else:
        (proposing, fast), (plain, slow) = write(True), write(False)
    return Answered(
        (len(plain.tokens), len(proposing.tokens)),
        (slow, fast),
        plain.tokens == proposing.tokens,
        "repetition" in (plain.reason, proposing.reason),
        sum(each.proposed for each in proposing.drafted.values()),
        sum(each.accepted for each in proposing.drafted.values()),
    )


def timed(events: Iterable[Event], clock: Clock) -> tuple[Finished, float]:
    """The end, and tokens a second after the first one."""
    first: float | None = None
    for event in events:
        if isinstance(event, Token) and first is None:
            first = clock()
        elif isinstance(event, Finished):
            n_later = len(event.tokens) + event.n_repeated - 1
            elapsed = 0.0 if first is None else clock() - first
            return event, n_later / elapsed if elapsed > 0 else 0.0
    raise AssertionError("every answer ends with Finished")


def prompts_of(setting: Setting, questions: Sequence[str]) -> list[list[int]]:
    session = Session(setting.team)
    return [session.prompt(question) for question in questions]


def questions_of(setting: Setting, file: Path | None) -> tuple[str, ...]:
    """Of a file, one a line; else those of the team that ships, or general ones."""
    if file is not None:
        lines = file.read_text(encoding="utf-8").splitlines()
        return tuple(line.strip() for line in lines if line.strip())[:24]
    if setting.plan.name.startswith("formulary"):
        tested = (SHIPPED / "formulary" / "test.jsonl").read_text(encoding="utf-8").splitlines()
        asked = (json.loads(line)["messages"][0]["content"] for line in tested)
        return tuple(dict.fromkeys(asked))[:12]
    return QUESTIONS


@contextmanager
def ending(setting: Setting) -> Iterator[None]:
    """The base ends its answers, as it does outside of the bench."""
    base = llama_of(setting.team.base)
    endless, base.vocabulary = base.vocabulary, setting.vocabulary
    try:
        yield
    finally:
        base.vocabulary = endless


def fresh(setting: Setting) -> Speculation | None:
    """With the team's sources and nothing learned; None where it has none."""
    speculation = setting.team.speculation
    return speculation and speculation.through(lambda model: model)


def speculation_against_plain(setting: Setting, n_rounds: int, file: Path | None) -> Figure:
    """(h)"""
    key, label = "speculation_vs_plain", "with proposed tokens / without"
    if fresh(setting) is None:
        return skipped(key, label, "this team proposes no tokens")
    with ending(setting):
        prompts = prompts_of(setting, questions_of(setting, file))
        answers = [
            answer_twice(
                setting.team.model,
                prompt,
                _speculation(setting),
                setting.clock,
                plain_first=bool(n % 2),
            )
            for n in range(n_rounds)
            for prompt in prompts
        ]
    return _summary(key, label, answers)


def speculation_against_base(setting: Setting, n_rounds: int, file: Path | None) -> Figure:
    """(i): the team's speed with proposals beside its base's without."""
    key, label = "speculation_vs_base", "with proposed tokens / base alone"
    if fresh(setting) is None or len(setting.members) < 2:
        return skipped(key, label, "a team with an expert that proposes tokens is needed")
    with ending(setting):
        values, limits = [], Limits(max_tokens=MAX_TOKENS)
        for prompt in prompts_of(setting, questions_of(setting, file)) * n_rounds:
            both = answer_twice(setting.team.model, prompt, _speculation(setting), setting.clock)
            alone, speed = timed(generate(setting.team.base, prompt, limits=limits), setting.clock)
            is_loop = both.is_loop or alone.reason == "repetition"
            if min(len(alone.tokens), *both.n_tokens) >= _LEAST_TOKENS and not is_loop:
                values.append(both.speeds[1] / speed)
    if not values:
        return skipped(key, label, "no answer is long enough, or all end in loops")
    return figure(key, label, values, f"{len(values)} answers, worst {min(values):.2f}")


def quotes_against_plain(setting: Setting, n_rounds: int) -> Figure:
    """(k): each sentence of a passage in the prompt as an answer, dictated; in `details` what the team
    answers itself to requests to quote."""
    key, label = "quotes_vs_plain", "an answer that is a sentence of its source / without"
    if fresh(setting) is None:
        return skipped(key, label, "this team proposes no tokens")
    with ending(setting):
        asked = [f"{PASSAGE}\n\n{question}" for question in ASKED]
        prompts = prompts_of(setting, asked)
        own = [
            answer_twice(setting.team.model, prompt, _speculation(setting), setting.clock)
            for _ in range(n_rounds)
            for prompt in prompts
        ]
        copied = [
            dictate_twice(
                setting.team.model, prompts[0], f"{sentence}.", _speculation(setting), setting.clock
            )
            for _ in range(n_rounds)
            for sentence in SENTENCES
        ]
    found = _summary(key, label, copied)
    own_found = _summary(key, label, own)
    return replace(
        found, details={**found.details, "own": own_found.value, "own_note": own_found.note}
    )


def dictate_twice(
    model: LanguageModel,
    prompt: Sequence[int],
    text: str,
    speculation: Speculation,
    clock: Clock,
    *,
    plain_first: bool = True,
) -> Answered:
    """`text` as the answer, whatever the model would write."""
    script = model.vocabulary.encode(text)
    dictated = Dictated(model)
    dictated.dictate(len(prompt), script)
    return answer_twice(
        dictated, prompt, speculation, clock, max_tokens=len(script), plain_first=plain_first
    )


def _speculation(setting: Setting) -> Speculation:
    found = fresh(setting)
    assert found is not None, "checked before"
    return found


def _summary(key: str, label: str, answers: Sequence[Answered]) -> Figure:
    """Median and worst of the answers that are long enough and no loops."""
    kept = [each for each in answers if not each.is_loop and min(each.n_tokens) >= _LEAST_TOKENS]
    if not kept:
        return skipped(key, label, "no answer is long enough, or all end in loops")
    values = [each.ratio for each in kept]
    written = sum(each.n_tokens[1] for each in kept)
    proposed, accepted = sum(e.proposed for e in kept), sum(e.accepted for e in kept)
    n_same = sum(each.is_same for each in kept)
    note = (
        f"{len(kept)} answers, worst {min(values):.2f}, {proposed / written:.2f} proposed a token, "
        f"{accepted / written:.2f} accepted; {len(answers) - len(kept)} left out"
    )
    return figure(
        key, label, values, note, worst=min(values), proposed=proposed, accepted=accepted,
        n_tokens=written, n_same_text=n_same, n_answers=len(kept),
    )  # fmt: skip
