"""Stage 3: which threshold gives the best answers on the validation data, and what it costs.

Thresholds are quantiles of p(any expert) of the base alone, and 0.5. Conversations are answered
greedily by the team at each; plain text, which nobody asked for, is scored under hard selection.
"""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.errors import BadOption
from localcollab.events import Finished
from localcollab.language_model import Float32Array, LanguageModel, Reading
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import Gate
from localcollab.methods.heads import Head
from localcollab_convert.export.examples import Example
from localcollab_convert.export.export import forget
from localcollab_convert.export.likelihood import TokenTable, log_pi, p_any
from localcollab_convert.head.request import Metric, Point
from localcollab_convert.staging.stages import Stage, write_json

METRIC_NAMES: dict[Metric, str] = {
    "exact": "exact match",
    "f1": "token F1",
    "logprob": "log-prob of gold a token (nats)",
}
RATES = tuple(r / 10 for r in range(10))
"""Deferral rates whose thresholds are tried."""

OnAnswer = Callable[[int], None]


def parse_metric(text: str) -> Metric:
    """Raises `BadOption`."""
    for metric in get_args(Metric):
        if metric == text:
            return metric  # type: ignore[no-any-return]
    raise BadOption(f"metric {text!r} is not known: choose one of {', '.join(get_args(Metric))}")


def choose_thresholds(p: np.ndarray, rates: Sequence[float] = RATES) -> list[float]:
    """Ascending: `p > threshold` holds for each share of `rates`, as near as ties allow; and 0.5."""
    ascending = np.sort(p)
    n_deferred = [math.floor(rate * len(p) + 1e-9) for rate in rates]
    # Nine digits bring a float32 back as it was.
    return sorted({0.5, *(float(f"{ascending[len(p) - n - 1]:.9g}") for n in n_deferred)})


def choose_best(points: Sequence[Point]) -> Point:
    """The best metric; of equals the one that asks the experts least."""
    return max(points, key=lambda point: (point.metric, -point.deferral_rate))


def choose_examples(examples: Sequence[Example], at_most: int, seed: int) -> list[Example]:
    """A seeded choice, in the data's order."""
    if len(examples) <= at_most:
        return list(examples)
    chosen = np.random.default_rng(seed).permutation(len(examples))[:at_most]
    return [examples[i] for i in sorted(chosen.tolist())]


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer, and the thresholds that all lead to it: least <= threshold < below."""

    least: float
    """The highest p(any expert) at which the base wrote."""
    below: float
    """The lowest at which an expert did."""
    score: float
    n_tokens: int
    n_base: int
    seconds: float


@dataclass(frozen=True)
class Calibration:
    """Answers of a team with this head, at any threshold. An answer is generated once for all the
    thresholds that lead to it."""

    base: LanguageModel
    experts: Sequence[LanguageModel]
    head: Head
    examples: Sequence[Example]
    metric: Metric

    def answer_alone(self, on_answer: OnAnswer) -> tuple[list[Answered], list[float]]:
        """The base alone, and p(any expert) at every token it wrote, end tokens included."""
        answers, p = [], []
        self._forget()
        for n, example in enumerate(self.examples, 1):
            answer, seen = self._answer(example, None)
            answers.append(answer)
            p += seen
            on_answer(n)
        return answers, p

    def answer_all(
        self, threshold: float, known: Sequence[Sequence[Answered]], on_answer: OnAnswer
    ) -> list[Answered]:
        """At one threshold. `known`: earlier passes over the same examples."""
        self._forget()
        answers = []
        for n, example in enumerate(self.examples):
            same = (p[n] for p in known if p[n].least <= np.float32(threshold) < p[n].below)
            answers.append(next(same, None) or self._answer(example, threshold)[0])
            on_answer(n + 1)
        return answers

    def summarize(self, threshold: float, answers: Sequence[Answered]) -> Point:
        kinds: defaultdict[str, list[float]] = defaultdict(list)
        for example, answer in zip(self.examples, answers, strict=True):
            if example.kind:
                kinds[example.kind].append(answer.score)
        n_tokens, n_base = sum(a.n_tokens for a in answers), sum(a.n_base for a in answers)
        seconds = math.fsum(answer.seconds for answer in answers)
        return Point(
            threshold=threshold,
            metric=math.fsum(answer.score for answer in answers) / len(answers),
            deferral_rate=1 - n_base / n_tokens if n_tokens else 0.0,
            tokens_per_second=n_tokens / seconds if seconds else None,
            by_kind={kind: math.fsum(found) / len(found) for kind, found in sorted(kinds.items())},
        )

    def _forget(self) -> None:
        # So that a resumed run has the same bits.
        starts = {example.tokens[0] for example in self.examples}
        for member in (self.base, *self.experts):
            forget(member, starts)

    def _answer(self, example: Example, threshold: float | None) -> tuple[Answered, list[float]]:
        """Greedy. None: the base alone."""
        seen: list[float] = []

        def decide(reading: Reading, n_tokens: int) -> Float32Array:
            assert reading.hidden is not None
            p = self.head.p_defer(reading.hidden)
            seen.append(min(float(p.sum(axis=1)[-1]), 1.0))
            return np.zeros_like(p) if threshold is None else p

        gate, limit = Gate("head", True, decide), 1.0 if threshold is None else threshold
        team = DeferralTeam("calibration", self.base, self.experts, gate, threshold=limit)
        start, end = example.answers[-1]
        done = _last(team, example.tokens[:start], _limits(self.metric, end - start))
        defers = [p for p in seen if threshold is not None and p > np.float32(threshold)]
        stays = [p for p in seen if threshold is None or p <= np.float32(threshold)]
        answer = Answered(
            least=max(stays, default=0.0),
            below=min(defers, default=2.0),
            score=score_answer(done.text, example.gold or "", self.metric),
            n_tokens=len(done.tokens),
            n_base=done.authors.get(self.base.name, 0),
            seconds=done.seconds_decode,
        )
        return answer, seen


def measure_points(run: Calibration, stage: Stage, show: Callable[[str], None]) -> list[Point]:
    """One file a threshold: what is there is not measured again."""
    n = len(run.examples)
    alone = stage.folder / "alone.json"
    if not alone.exists():
        answers, p = run.answer_alone(_reporter(show, "the base alone", n))
        _keep(alone, answers, thresholds=choose_thresholds(np.array(p)))
    thresholds = json.loads(alone.read_text())["thresholds"]
    known, points = [_load(alone)], []
    for number, threshold in enumerate(thresholds, 1):
        path = stage.folder / f"threshold-{number:02}.json"
        if not path.exists():
            what = f"threshold {number} of {len(thresholds)} ({threshold:.3f})"
            _keep(path, run.answer_all(threshold, known, _reporter(show, what, n)))
        known.append(_load(path))
        points.append(run.summarize(threshold, known[-1]))
    return points


def _keep(path: Path, answers: Sequence[Answered], thresholds: Sequence[float] = ()) -> None:
    write_json(path, {"thresholds": thresholds, "answers": [asdict(a) for a in answers]})


def _load(path: Path) -> list[Answered]:
    return [Answered(**answer) for answer in json.loads(path.read_text())["answers"]]


def _reporter(show: Callable[[str], None], what: str, n_examples: int) -> OnAnswer:
    return lambda n: show(f"calibrate: {what}, answer {n} of {n_examples}")


def _limits(metric: Metric, n_gold: int) -> Limits:
    """Where no right answer is to come any more; an answer that is longer scores no better."""
    return Limits(max_tokens=n_gold + n_gold // 4 + 8 if metric == "exact" else 2 * n_gold + 16)


def _last(team: DeferralTeam, prompt: Sequence[int], limits: Limits) -> Finished:
    for event in generate(team, prompt, limits=limits):
        if isinstance(event, Finished):
            return event
    raise AssertionError("a generation ends with Finished")


def score_answer(answer: str, gold: str, metric: Metric) -> float:
    """0..1. Words are what white space parts."""
    mine, wanted = answer.split(), gold.split()
    if metric == "exact":
        return float(mine == wanted)
    n_shared = sum((Counter(mine) & Counter(wanted)).values())
    return 2 * n_shared / (len(mine) + len(wanted)) if mine or wanted else 1.0


def measure_text(head: Head, table: TokenTable) -> list[Point]:
    """Every threshold at once: the mean log-prob of gold when the chosen member alone writes."""
    p, expert = p_any(head, table.hidden), log_pi(head, table.hidden)[:, 1:].argmax(axis=1) + 1
    points = []
    for threshold in choose_thresholds(p):
        author = np.where(p > threshold, expert, 0)
        chosen = table.logprobs[np.arange(len(author)), author].astype(np.float64)
        points.append(Point(threshold, float(chosen.mean()), float((author > 0).mean())))
    return points
