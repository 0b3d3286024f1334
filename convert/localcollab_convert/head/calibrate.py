"""Stage 3: quality and deferral rate on the validation data at each threshold.

Thresholds are quantiles of p(any expert) along answers of the base alone, and 0.5. The team answers
conversations greedily at each threshold; plain text is scored under hard selection.
"""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.events import Finished
from localcollab.language_model import Float32Array, LanguageModel, Reading
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import Gate
from localcollab.methods.heads import Head
from localcollab.methods.word_team import deferring
from localcollab.progress import Counted, OnProgress
from localcollab_convert.export.examples import Example
from localcollab_convert.export.likelihood import TokenTable, log_pi, p_any
from localcollab_convert.export.shards import forget
from localcollab_convert.head.request import Metric, Point
from localcollab_convert.staging.stages import Stage, write_json

METRIC_NAMES: dict[Metric, str] = {
    "exact": "exact match",
    "f1": "token F1",
    "logprob": "log-prob of gold a token (nats)",
}
RATES = tuple(r / 10 for r in range(10))
"""Deferral rates for which a threshold is tried."""

OnAnswer = Callable[[int], None]


def choose_thresholds(p: np.ndarray, rates: Sequence[float] = RATES) -> list[float]:
    """Ascending: `p > threshold` for each share in `rates`, as close as ties allow; and 0.5."""
    ascending = np.sort(p)
    n_deferred = [math.floor(rate * len(p) + 1e-9) for rate in rates]
    # Nine digits represent a float32 exactly.
    return sorted({0.5, *(float(f"{ascending[len(p) - n - 1]:.9g}") for n in n_deferred)})


def choose_best(points: Sequence[Point]) -> Point:
    """The best metric; of equal ones the lowest deferral rate."""
    return max(points, key=lambda point: (point.metric, -point.deferral_rate))


def choose_examples(examples: Sequence[Example], at_most: int, seed: int) -> list[Example]:
    """A seeded sample, in the order of the data."""
    if len(examples) <= at_most:
        return list(examples)
    chosen = np.random.default_rng(seed).permutation(len(examples))[:at_most]
    return [examples[i] for i in sorted(chosen.tolist())]


@dataclass(frozen=True, slots=True)
class ScoredAnswer:
    """One answer, and the range of thresholds that lead to it: least <= threshold < below."""

    least: float
    """The highest p(any expert) of a token of the base."""
    below: float
    """The lowest p(any expert) of a token of an expert."""
    score: float
    n_tokens: int
    n_base: int
    seconds: float


@dataclass(frozen=True)
class Calibration:
    """Answers of a team with this head at any threshold. An answer is generated once for all thresholds
    that lead to it."""

    base: LanguageModel
    experts: Sequence[LanguageModel]
    head: Head
    examples: Sequence[Example]
    metric: Metric

    def answer_alone(self, on_answer: OnAnswer) -> tuple[list[ScoredAnswer], list[float]]:
        """Answers of the base alone, and p(any expert) at every token, end tokens included."""
        answers, p = [], []
        self._forget()
        for n, example in enumerate(self.examples, 1):
            answer, seen = self._answer(example, None)
            answers.append(answer)
            p += seen
            on_answer(n)
        return answers, p

    def answer_all(
        self, threshold: float, known: Sequence[Sequence[ScoredAnswer]], on_answer: OnAnswer
    ) -> list[ScoredAnswer]:
        """At one threshold. `known`: passes over the same examples at other thresholds."""
        self._forget()
        answers = []
        for n, example in enumerate(self.examples):
            same = (p[n] for p in known if p[n].least <= np.float32(threshold) < p[n].below)
            answers.append(next(same, None) or self._answer(example, threshold)[0])
            on_answer(n + 1)
        return answers

    def summarize(self, threshold: float, answers: Sequence[ScoredAnswer]) -> Point:
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
        # So that a resumed run is bit-identical.
        starts = {example.tokens[0] for example in self.examples}
        for member in (self.base, *self.experts):
            forget(member, starts)

    def _answer(
        self, example: Example, threshold: float | None
    ) -> tuple[ScoredAnswer, list[float]]:
        """Greedy. `threshold` None: the base alone."""
        seen: list[float] = []

        def decide(reading: Reading, n_tokens: int) -> Float32Array:
            assert reading.hidden is not None
            p = self.head.p_defer(reading.hidden)
            seen.append(min(float(p.sum(axis=1)[-1]), 1.0))
            return np.zeros_like(p) if threshold is None else p

        gate, limit = Gate("head", True, decide), 1.0 if threshold is None else threshold
        team = deferring("calibration", self.base, self.experts, gate, threshold=limit)
        start, end = example.answers[-1]
        done = _last(team, example.tokens[:start], _limits(self.metric, end - start))
        defers = [p for p in seen if threshold is not None and p > np.float32(threshold)]
        stays = [p for p in seen if threshold is None or p <= np.float32(threshold)]
        answer = ScoredAnswer(
            least=max(stays, default=0.0),
            below=min(defers, default=2.0),
            score=score_answer(done.text, example.gold or "", self.metric),
            n_tokens=len(done.tokens),
            n_base=done.authors.get(self.base.name, 0),
            seconds=done.seconds_decode,
        )
        return answer, seen


def measure_points(run: Calibration, stage: Stage, show: OnProgress) -> list[Point]:
    """One file a threshold; an existing one is not measured again."""
    n = len(run.examples)
    alone = stage.folder / "alone.json"
    if not alone.exists():
        answers, p = run.answer_alone(_reporter(show, "the base alone", n))
        _save(alone, answers, thresholds=choose_thresholds(np.array(p)))
    thresholds = json.loads(alone.read_text())["thresholds"]
    known, points = [_load(alone)], []
    for number, threshold in enumerate(thresholds, 1):
        path = stage.folder / f"threshold-{number:02}.json"
        if not path.exists():
            what = f"threshold {number} of {len(thresholds)} ({threshold:.3f})"
            _save(path, run.answer_all(threshold, known, _reporter(show, what, n)))
        known.append(_load(path))
        points.append(run.summarize(threshold, known[-1]))
    return points


def _save(path: Path, answers: Sequence[ScoredAnswer], thresholds: Sequence[float] = ()) -> None:
    write_json(path, {"thresholds": thresholds, "answers": [asdict(a) for a in answers]})


def _load(path: Path) -> list[ScoredAnswer]:
    return [ScoredAnswer(**answer) for answer in json.loads(path.read_text())["answers"]]


def _reporter(show: OnProgress, what: str, n_examples: int) -> OnAnswer:
    def on_answer(n: int) -> None:
        show(Counted(f"calibrate: {what}", n, n_examples, "answers"))

    on_answer(0)
    return on_answer


def _limits(metric: Metric, n_gold: int) -> Limits:
    """A longer answer cannot score better."""
    return Limits(max_tokens=n_gold + n_gold // 4 + 8 if metric == "exact" else 2 * n_gold + 16)


def _last(team: DeferralTeam, prompt: Sequence[int], limits: Limits) -> Finished:
    for event in generate(team, prompt, limits=limits):
        if isinstance(event, Finished):
            return event
    raise AssertionError("a generation ends with Finished")


def score_answer(answer: str, gold: str, metric: Metric) -> float:
    """0..1, on words separated by white space."""
    written, expected = answer.split(), gold.split()
    if metric == "exact":
        return float(written == expected)
    n_shared = sum((Counter(written) & Counter(expected)).values())
    return 2 * n_shared / (len(written) + len(expected)) if written or expected else 1.0


def measure_text(head: Head, table: TokenTable) -> list[Point]:
    """Each threshold: mean log-prob of the gold tokens, each by its chosen member alone."""
    p, expert = p_any(head, table.hidden), log_pi(head, table.hidden)[:, 1:].argmax(axis=1) + 1
    points = []
    for threshold in choose_thresholds(p):
        author = np.where(p > threshold, expert, 0)
        chosen = table.logprobs[np.arange(len(author)), author].astype(np.float64)
        points.append(Point(threshold, float(chosen.mean()), float((author > 0).mean())))
    return points
