"""Train pair rankers on scored answers, and measure them beside what reads no model.

    python scripts/experiments/rank_table.py alpaca_eval_12_models.jsonl.gz --work DIR

Folds by instruction: each ranker is trained on the others and judges instructions it never saw. Pair
accuracy is over the pairs that differ, of the sum of both orders; intervals are bootstrapped by
instruction (95 %). The encoder is small and trained from scratch. What is done stays in DIR: the same
command goes on where it was, and folds can be made one by one (--fold).
"""

import argparse
import hashlib
import json
import sys
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bag_of_words import train_bag_of_words
from localcollab.blend.mixinstruct import Record, read_records
from localcollab.blend.pair_ranker import load_pairranker
from localcollab.blend.rankers import longest, random_choice
from localcollab.blend.ranking import Compare, compare_both_ways, rank_contest
from localcollab.terminal.status import Status

N_BOOTSTRAP = 2000


@dataclass(frozen=True, slots=True)
class Judged:
    """One ranker on one instruction."""

    n_right: float
    """Of the pairs that differ; a logit of 0 is half right."""
    n_pairs: int
    chosen: float
    """The score of the answer it ranks first."""


def judge(record: Record, compare: Compare, measure: str, n_most: int) -> Judged:
    """`n_most`: so many random pairs that differ, and the first by `bubble`; 0: all of them, and the
    first by `max_logits`."""
    contest = record.contest
    scores = np.array([given.scores[measure] for given in record.candidates])
    n = len(scores)
    pairs = [(a, b) for a in range(n) for b in range(a + 1, n) if scores[a] != scores[b]]
    if n_most:
        drawn = np.random.default_rng(zlib.crc32(contest.prompt.encode())).permutation(len(pairs))
        pairs = [pairs[i] for i in drawn[:n_most]]
    ranking = rank_contest(contest, compare, "bubble" if n_most else "max_logits")
    asked = [(contest.places[a], contest.places[b]) for a, b in pairs]
    if n_most:
        logits = compare_both_ways(contest, compare, asked)
    else:
        logits = np.array([ranking.logits[pair] for pair in asked])
    signs = np.array([np.sign(scores[a] - scores[b]) for a, b in pairs])
    right = np.where(logits == 0, 0.5, np.sign(logits) == signs).sum()
    return Judged(float(right), len(pairs), float(scores[ranking.best]))


def folds_of(records: Sequence[Record], n_folds: int, seed: int) -> list[list[Record]]:
    """By instruction: equal ones stay together."""
    instructions = sorted({record.prompt for record in records})
    order = np.random.default_rng(seed).permutation(len(instructions))
    fold = {instructions[i]: at % n_folds for at, i in enumerate(order)}
    return [[r for r in records if fold[r.prompt] == k] for k in range(n_folds)]


def train(
    records: Sequence[Record], folder: Path, asked: argparse.Namespace, status: Status
) -> Path:
    from localcollab_convert.ranker.make import make_ranker
    from localcollab_convert.ranker.request import EncoderSize, RankerRequest, Recipe

    data = folder / "train.jsonl"
    lines = [
        json.dumps({"id": r.id, "instruction": r.instruction, "input": r.input,
                    "candidates": [asdict(given) for given in r.candidates]}) + "\n"
        for r in records
    ]  # fmt: skip
    data.write_text("".join(lines), encoding="utf-8")
    request = RankerRequest(
        data=data, out=folder / "ranker", size=EncoderSize(asked.width, asked.layers, asked.vocab),
        recipe=Recipe(seed=asked.seed, n_epochs=asked.epochs), n_source=asked.source_tokens,
        n_candidate=asked.candidate_tokens,
    )  # fmt: skip
    made = make_ranker(request, lambda line: status.show(f"{folder.name}: {line}"), status.note)
    status.note(
        f"{folder.name}: {made.n_parameters / 1e6:.2f} M parameters, {made.accuracy:.3f} on "
        f"{made.n_pairs} validation pairs, {made.parity:.1g} from PyTorch"
    )
    return made.path


def judge_fold(
    train_on: Sequence[Record],
    test_on: Sequence[Record],
    folder: Path,
    measure: str,
    asked: argparse.Namespace,
    status: Status,
) -> dict[str, list[Judged]]:
    """Every ranker on every instruction of the fold; kept in `folder`."""
    kept, key = folder / "judged.json", _key(asked)
    if kept.is_file() and (found := json.loads(kept.read_text()))["key"] == key:
        return {name: [Judged(**j) for j in judged] for name, judged in found["judged"].items()}
    folder.mkdir(parents=True, exist_ok=True)
    compares: dict[str, Callable[[], Compare]] = {
        "random": lambda: random_choice(asked.seed),
        "longest": longest,
        "bag of words": lambda: train_bag_of_words(train_on, measure, asked.seed),
        "pair ranker": lambda: load_pairranker(train(train_on, folder, asked, status)),
    }
    judged: dict[str, list[Judged]] = {}
    for name, make in compares.items():
        compare = make()
        judged[name] = []
        for n, record in enumerate(test_on, 1):
            judged[name].append(judge(record, compare, measure, asked.pairs))
            status.show(f"{folder.name}: {name}, {n} of {len(test_on)}")
    partial = kept.with_name(kept.name + ".partial")
    rows = {name: [asdict(j) for j in found] for name, found in judged.items()}
    partial.write_text(json.dumps({"key": key, "judged": rows}))
    partial.replace(kept)
    return judged


def _key(asked: argparse.Namespace) -> dict[str, object]:
    """What a fold's verdicts depend on."""
    names = set(vars(asked)) - {"data", "work", "fold", "json"}
    return {name: getattr(asked, name) for name in sorted(names)} | {
        "data": hashlib.sha256(asked.data.read_bytes()).hexdigest()
    }


def best_model(train_on: Sequence[Record], test_on: Sequence[Record], measure: str) -> list[float]:
    """What the best model of `train_on` scores on each instruction; its mean where it is silent."""
    scores: dict[str, list[float]] = {}
    for record in train_on:
        for given in record.candidates:
            scores.setdefault(given.model, []).append(given.scores[measure])
    best = max(sorted(scores), key=lambda model: float(np.mean(scores[model])))
    return [
        next(
            (g.scores[measure] for g in r.candidates if g.model == best),
            float(np.mean(scores[best])),
        )
        for r in test_on
    ]


def interval(parts: np.ndarray, weights: np.ndarray, seed: int) -> tuple[float, float]:
    """95 %, of sum(parts) / sum(weights), instructions drawn with replacement."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(parts), (N_BOOTSTRAP, len(parts)))
    ratios = parts[drawn].sum(axis=1) / weights[drawn].sum(axis=1)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(low), float(high)


def row(name: str, judged: Sequence[Judged], seed: int) -> dict[str, object]:
    right = np.array([j.n_right for j in judged])
    pairs = np.array([j.n_pairs for j in judged])
    chosen = np.array([j.chosen for j in judged])
    return {
        "ranker": name,
        "pair_accuracy": float(right.sum() / pairs.sum()),
        "pair_accuracy_interval": interval(right, pairs, seed),
        "n_pairs": int(pairs.sum()),
        "chosen": float(chosen.mean()),
        "chosen_interval": interval(chosen, np.ones(len(chosen)), seed),
    }


def chosen_row(name: str, chosen: Sequence[float], seed: int) -> dict[str, object]:
    values = np.array(chosen)
    found = interval(values, np.ones(len(values)), seed)
    return {"ranker": name, "chosen": float(values.mean()), "chosen_interval": found}


def table(rows: Sequence[dict[str, object]], measure: str) -> str:
    lines = [
        f"| | pair accuracy | 95 % | mean {measure} of the first | 95 % |",
        "|---|---|---|---|---|",
    ]
    for r in rows:
        accuracy, spread = r.get("pair_accuracy"), r.get("pair_accuracy_interval")
        shown = f"{accuracy:.3f} | {_span(spread)}" if accuracy is not None else "- | -"
        lines.append(
            f"| {r['ranker']} | {shown} | {r['chosen']:.3f} | {_span(r['chosen_interval'])} |"
        )
    return "\n".join(lines)


def _span(found: object) -> str:
    assert isinstance(found, tuple)
    return f"{found[0]:.3f} to {found[1]:.3f}"


def measure_all(asked: argparse.Namespace, status: Status) -> list[dict[str, object]]:
    records = [r for r in read_records(asked.data) if len(r.candidates) > 1]
    folds = folds_of(records, asked.folds, asked.seed)
    judged: dict[str, list[Judged]] = {}
    alone: list[float] = []
    for k, test_on in enumerate(folds):
        if asked.fold not in (None, k):
            continue
        train_on = [r for fold in folds if fold is not test_on for r in fold]
        folder = asked.work / f"fold-{k}"
        found = judge_fold(train_on, test_on, folder, asked.measure, asked, status)
        for name, fold in found.items():
            judged.setdefault(name, []).extend(fold)
        alone += best_model(train_on, test_on, asked.measure)
    kept = folds if asked.fold is None else [folds[asked.fold]]
    best = [max(g.scores[asked.measure] for g in r.candidates) for fold in kept for r in fold]
    return [
        *(row(name, found, asked.seed) for name, found in judged.items()),
        chosen_row("best single model", alone, asked.seed),
        chosen_row("oracle", best, asked.seed),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--measure", default="preference")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--fold", type=int, help="this one alone, from 0")
    parser.add_argument("--pairs", type=int, default=0, help="judged an instruction; 0: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--vocab", type=int, default=4096)
    parser.add_argument("--source-tokens", type=int, default=32)
    parser.add_argument("--candidate-tokens", type=int, default=128)
    parser.add_argument("--json", action="store_true", help="for programs")
    asked = parser.parse_args()
    status = Status(sys.stderr)
    try:
        rows = measure_all(asked, status)
    finally:
        status.clear()
    print(json.dumps(rows, indent=1) if asked.json else table(rows, asked.measure))


if __name__ == "__main__":
    main()
