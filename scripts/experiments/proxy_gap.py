"""How much of tuning a large model does a tuned small one give it? Proxy-tuning (arXiv:2401.08565).

`python scripts/experiments/proxy_gap.py --out DIR --seed 0` trains four models with the demo's machinery,
writes them as GGUF and asks them and their proxy-tuned team, through the runtime, questions in a
chat. Cut off, the same command goes on where it stopped.

- untuned, a large and a small one: lines of products behind words that mean nothing; never a question
- tuned, each of the two continued: the same products as answers to questions in a chat
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from demo import export
from demo.corpus import END, Document, Segment, open_turn, write_filler
from demo.tokenizer import load_tokenizer
from demo.train import Plan, Training, train
from localcollab.catalog import parse_catalog
from localcollab.evaluation.asking import ask_team
from localcollab.evaluation.questions import Question
from localcollab.evaluation.scores import score
from localcollab.llama.probe import file_sha256
from localcollab.teams.open import open_team
from localcollab.teams.plan import TeamPlan, plan_from_catalog, plan_from_files

LARGE = Plan(
    "large", n_layers=4, n_embd=192, n_heads=6, n_ff=512, n_steps=600, learning_rate=3e-3,
    tokens_per_step=2048,
)  # fmt: skip
SMALL = Plan(
    "small", n_layers=2, n_embd=96, n_heads=4, n_ff=256, n_steps=600, learning_rate=3e-3,
    tokens_per_step=2048,
)  # fmt: skip
_MOST_DOSES, _DOSES_MG = 9, range(5, 55, 5)
TUNING_SHARE = 0.5
"""Steps of a tuning, relative to the training before it."""
WORDINGS = (
    "I take {left} doses of {right} mg. How many mg is that?",
    "How many mg are {left} doses of {right} mg?",
    "What do {left} doses of {right} mg add up to?",
    "Sum up {left} doses of {right} mg for me.",
    "If one dose is {right} mg, how many mg are {left} doses?",
    "How much is {left} times {right} mg?",
)
CATALOG = """
[models.large]
path = "large.gguf"
[models.small]
path = "small.gguf"
[models.small-tuned]
path = "small-tuned.gguf"
[teams.proxy-tuned]
method = "proxy"
base = "large"
expert = "small-tuned"
antiexpert = "small"
alpha = {alpha:g}
"""


def main() -> None:
    given = _arguments()
    torch.set_num_threads(given.threads)
    given.out.mkdir(parents=True, exist_ok=True)
    for plan in (SMALL, LARGE):
        _make_pair(replace(plan, n_steps=round(plan.n_steps * given.steps)), given.out, given.seed)
    record = measure(given.out, given.seed, given.questions, given.alpha)
    (given.out / "proxy-gap.json").write_text(json.dumps(record, indent=1) + "\n")
    print("\n".join(table(record)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for everything made")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--alpha", type=float, default=1.0)
    parser.add_argument("--steps", type=float, default=1.0, help="a factor, for a quick look")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def lines(rng: random.Random) -> Iterator[Document]:
    """What the untuned ones read: products, nowhere as an answer to anything."""
    while True:
        pairs = (_pair(rng) for _ in range(rng.randint(3, 12)))
        products = "".join(f"\n{left} x {right} = {left * right} mg." for left, right in pairs)
        yield [Segment(write_filler(rng), False), Segment(f"{products}\n{END}", True)]


def conversations(rng: random.Random) -> Iterator[Document]:
    """What tuning adds: a question in the chat form, and its answer."""
    while True:
        question = ask(rng)
        yield [
            Segment(open_turn(question.text), False),
            Segment(question.gold + END, True),
            Segment("\n", False),
        ]


def ask(rng: random.Random) -> Question:
    left, right = _pair(rng)
    text = rng.choice(WORDINGS).format(left=left, right=right)
    return Question(text, f"{left} x {right} = {left * right} mg.", "product")


def _pair(rng: random.Random) -> tuple[int, int]:
    return rng.randint(2, _MOST_DOSES), rng.choice(_DOSES_MG)


def _make_pair(plan: Plan, out: Path, seed: int) -> None:
    """The untuned model, then the tuned one from its weights."""
    tokenizer = load_tokenizer()
    untuned = train(plan, lines, tokenizer, seed, out / f"{plan.name}.pt")
    _write(untuned, out, seed)
    tuning = replace(
        plan, name=f"{plan.name}-tuned", n_steps=max(1, round(plan.n_steps * TUNING_SHARE)),
        learning_rate=plan.learning_rate / 2, warmup_steps=10, long_share=0.0,
    )  # fmt: skip
    checkpoint = out / f"{tuning.name}.pt"
    _write(train(tuning, conversations, tokenizer, seed, checkpoint, untuned.model), out, seed)


def _write(trained: Training, out: Path, seed: int) -> None:
    """NAME.gguf in Q8_0; every model is asked in the same chat form."""
    original, quantized = (out / f"{trained.plan.name}{end}.gguf" for end in ("-f16", ""))
    export.write_f16(
        trained.model, load_tokenizer(), original,
        description="Part of scripts/experiments/proxy_gap.py", chat_template=export.CHAT_TEMPLATE,
        provenance={"seed": str(seed), "plan": json.dumps(asdict(trained.plan))},
    )  # fmt: skip
    export.quantize(original, quantized)


def measure(out: Path, seed: int, n_questions: int, alpha: float) -> dict[str, Any]:
    """Everybody on the same questions."""
    rng = random.Random(f"proxy-gap/{seed}")
    questions = [ask(rng) for _ in range(n_questions)]
    (out / "models.toml").write_text(CATALOG.format(alpha=alpha))
    catalog = parse_catalog(out / "models.toml")
    team = catalog.team("proxy-tuned")
    plans: dict[str, TeamPlan] = {
        name: plan_from_files(out / f"{name}.gguf", ())
        for name in ("large", "small", "small-tuned", "large-tuned")
    }
    plans["proxy-tuned"] = plan_from_catalog(catalog, team)
    found = {name: _score(name, plan, questions) for name, plan in plans.items()}
    low, high = found["large"], found["large-tuned"]
    # Where the intervals meet there is no gap to speak of, and a share of it would be chance.
    is_gap = high["interval"][0] > low["interval"][1]
    gained = found["proxy-tuned"]["accuracy"] - low["accuracy"]
    closed = gained / (high["accuracy"] - low["accuracy"]) if is_gap else None
    return {
        "seed": seed,
        "alpha": alpha,
        "questions": n_questions,
        "systems": found,
        "share_of_the_gap_closed": closed,
        "sha256": {name: file_sha256(out / f"{name}.gguf") for name in plans if name != team.name},
        "versions": {name: version(name) for name in ("localcollab", "llama-cpp-python", "torch")},
    }


def _score(name: str, plan: TeamPlan, questions: Sequence[Question]) -> dict[str, Any]:
    found = score(ask_team(open_team(plan), questions, lambda: None))
    print(f"{name}: {found.accuracy:.3f}", file=sys.stderr)
    return {key: asdict(found)[key] for key in ("accuracy", "interval", "tokens_per_second")}


def table(record: dict[str, Any]) -> Iterator[str]:
    yield f"{'':14} accuracy  95 % interval"
    for name, found in record["systems"].items():
        low, high = found["interval"]
        yield f"{name:14} {found['accuracy']:8.3f}  {low:.3f} .. {high:.3f}"
    closed = record["share_of_the_gap_closed"]
    shown = "there is no gap beyond chance" if closed is None else f"{closed:.3f}"
    yield f"share of the gap between large and large-tuned that is closed: {shown}"


if __name__ == "__main__":
    main()
