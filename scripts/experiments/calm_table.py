"""CALM's Table 1 in small (arXiv:2401.02412): can a bridge make two models do what neither can?

`PYTHONPATH=scripts python scripts/experiments/calm_table.py --out DIR` trains model A on 2,000 keys and
their values, model B on sums, and a bridge by which B looks into A and that sees a fifth of
the keys; then all three answer through the runtime on the GGUF files. Everything is drawn from
one seed; cut off, the same command goes on.
"""

import argparse
import hashlib
import importlib.metadata
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

import calm_keys
from calm_keys import Key
from calm_tokenizer import train_tokenizer
from demo import export
from demo.corpus import Documents
from demo.train import Plan, train
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.encoding import encode_start
from localcollab.decoding.generate import generate
from localcollab.evaluation.statistics import wilson_interval
from localcollab.events import Finished
from localcollab.language_model import LanguageModel
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.weights import Weights, load_weights
from localcollab.methods.bridges import load_bridge
from localcollab.methods.calm import CalmModel
from localcollab.teams.identity import probe_member
from localcollab.teams.plan import Member
from localcollab_convert.calm.make import BridgeMaker
from localcollab_convert.calm.request import BridgeRequest, Recipe

PLANS = (
    Plan(
        "sums", n_layers=4, n_embd=192, n_heads=6, n_ff=512, n_steps=4500, learning_rate=2e-3,
        tokens_per_step=2048, long_share=0.0,
    ),
    Plan(
        "keys", n_layers=4, n_embd=256, n_heads=8, n_ff=768, n_steps=2200, learning_rate=3e-3,
        tokens_per_step=2048, long_share=0.0,
    ),
)  # fmt: skip
SETTLED = {"keys": 1.0, "sums": 5 / 9}
"""Trained once more from there, for this share of the steps at half the rate."""
SHARE_SEEN = 0.2
"""Of the keys, those the bridge sees; of these a fifth validate."""
RECIPE = Recipe(
    n_inner=256,
    n_heads=4,
    n_steps=2000,
    batch=64,
    learning_rate=3e-3,
    weight_decay=0.1,
    patience=40,
)
LAYERS = ((3, 1), (3, 2))
"""(A's, B's): what A would say enters where B says it."""
N_QUESTIONS = 500
ROWS = ("substitution", "numbers", "keys")


@dataclass(frozen=True, slots=True)
class Build:
    out: Path
    seed: int
    keys: tuple[Key, ...]
    n_questions: int
    plans: tuple[Plan, ...]
    recipe: Recipe

    @property
    def n_seen(self) -> int:
        return round(SHARE_SEEN * len(self.keys))


def main() -> None:
    """Parse the command line and make everything."""
    build = _parse_options()
    (build.out / "work").mkdir(parents=True, exist_ok=True)
    for plan in build.plans:
        _make_model(build, plan)
    _write_questions(build)
    _make_bridge(build)
    table = measure(build)
    _write(build.out / "table.json", json.dumps(table, indent=1) + "\n")
    print("\n".join(render(table)))


def _parse_options() -> Build:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for everything made")
    parser.add_argument("--keys", type=int, default=2000)
    parser.add_argument("--questions", type=int, default=N_QUESTIONS, help="of each row")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=float, default=1.0, help="share of the training steps")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    return Build(
        out=options.out,
        seed=options.seed,
        keys=tuple(calm_keys.invent_keys(options.keys, random.Random(options.seed))),
        n_questions=options.questions,
        plans=tuple(replace(p, n_steps=round(p.n_steps * options.steps)) for p in PLANS),
        recipe=replace(
            RECIPE, seed=options.seed, n_steps=max(1, round(RECIPE.n_steps * options.steps))
        ),
    )


def _make_model(build: Build, plan: Plan) -> None:
    """Train and write a model; both files are checked against what was trained."""
    path, original = build.out / f"{plan.name}.gguf", build.out / "work" / f"{plan.name}.gguf"
    if path.exists():
        return
    tokenizer, documents = train_tokenizer(build.seed), _documents(build, plan)
    checkpoint = build.out / "work" / f"{plan.name}.pt"
    trained = train(plan, documents, tokenizer, build.seed, checkpoint)
    longer = replace(
        plan, name=f"{plan.name}-settled", n_steps=1 + int(plan.n_steps * SETTLED[plan.name]),
        learning_rate=plan.learning_rate / 2, warmup_steps=10,
    )  # fmt: skip
    checkpoint = build.out / "work" / f"{longer.name}.pt"
    trained = train(longer, documents, tokenizer, build.seed, checkpoint, trained.model)
    export.write_f16(
        trained.model, tokenizer, original,
        description=f"CALM's arithmetic in small: {plan.name}", chat_template=None,
        provenance={"seed": str(build.seed), "plan": json.dumps(asdict(plan))},
    )  # fmt: skip
    export.quantize(original, path.with_suffix(".q8"))
    stream = documents(random.Random(build.seed))
    text = "".join(segment.text for _ in range(9) for segment in next(stream))
    # A file written wrong differs by its whole size; eight bits cost a narrow model a tenth.
    export.check_logits(trained.model, tokenizer, original, [text], 0.03)
    export.check_logits(trained.model, tokenizer, path.with_suffix(".q8"), [text], 0.2)
    _check_words(path.with_suffix(".q8"), tokenizer, text)
    os.replace(path.with_suffix(".q8"), path)


def _check_words(path: Path, tokenizer: Tokenizer, text: str) -> None:
    """llama.cpp cuts the text as training did, or the run ends."""
    theirs = list(_weights(path, Options(n_ctx=256)).vocabulary.encode(text, special=True))
    ours = tokenizer.encode(text).ids
    if theirs != ours:
        raise SystemExit(f"{path}: llama.cpp cuts {text!r} into {theirs}, training into {ours}")


def _documents(build: Build, plan: Plan) -> Documents:
    if plan.name == "keys":
        return calm_keys.key_documents(build.keys)
    return calm_keys.sum_documents


def _write_questions(build: Build) -> None:
    """Three files from three seeds: no key is in two of them."""
    seen, unseen = build.keys[: build.n_seen], build.keys[build.n_seen :]
    n_valid = max(1, len(seen) // 5)
    rngs = (random.Random(f"{build.seed}/{name}") for name in ("train", "valid", "test"))
    _write_jsonl(build.out / "train.jsonl", calm_keys.bridge_questions(seen[n_valid:], next(rngs)))
    _write_jsonl(build.out / "valid.jsonl", calm_keys.bridge_questions(seen[:n_valid], next(rngs)))
    asked = calm_keys.test_questions(unseen, build.n_questions, next(rngs))
    _write_jsonl(build.out / "test.jsonl", asked)


def _make_bridge(build: Build) -> None:
    out = build.out
    request = BridgeRequest(
        anchor=Member("sums", out / "sums.gguf"),
        augmenting=(Member("keys", out / "keys.gguf"),),
        data=out / "train.jsonl",
        valid=out / "valid.jsonl",
        out=out / "bridge.safetensors",
        work=out / "work" / "bridge",
        recipe=build.recipe,
        layers=LAYERS,
        n_threads=torch.get_num_threads(),
        force=True,
    )

    def show(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    # One line for every evaluation, not for every step.
    BridgeMaker(request, lambda line: None, show).make()


def measure(build: Build) -> dict[str, Any]:
    """Every system on every row, as JSON."""
    lines = (build.out / "test.jsonl").read_text().splitlines()
    questions = [json.loads(line) for line in lines]
    systems = {name: _ask(model, questions) for name, model in _systems(build.out).items()}
    rows = {}
    for row in ROWS:
        asked = [n for n, question in enumerate(questions) if question["kind"] == row]
        golds = Counter(questions[n]["gold"] for n in asked)
        guess, n_guess = golds.most_common(1)[0]
        rows[row] = {
            "n": len(asked),
            "best constant guess": {"answer": guess, "share": n_guess / len(asked)},
            **{name: _share([right[n] for n in asked]) for name, right in systems.items()},
        }
    names = ("torch", "transformers", "numpy", "llama-cpp-python", "localcollab")
    return {
        "command": f"calm_table.py --keys {len(build.keys)} --seed {build.seed}",
        "seed": build.seed,
        "keys": len(build.keys),
        "keys the bridge saw": build.n_seen,
        "rows": rows,
        "plans": [asdict(plan) for plan in build.plans],
        "recipe": asdict(build.recipe),
        "layers": LAYERS,
        "bridge": json.loads((build.out / "bridge.curve.json").read_text())["trained"],
        "sha256": {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(build.out.iterdir())
            if path.suffix in (".gguf", ".safetensors", ".jsonl")
        },
        "versions": {name: importlib.metadata.version(name) for name in names},
    }


def _systems(out: Path) -> dict[str, LanguageModel]:
    """A, B and A+B, on the GGUF files."""
    options = Options(n_ctx=256)
    keys, sums = (_weights(out / f"{name}.gguf", options) for name in ("keys", "sums"))
    bridge = load_bridge(out / "bridge.safetensors")
    return {
        "A": LlamaModel(keys, options, name="A"),
        "B": LlamaModel(sums, options, name="B"),
        "A+B": CalmModel("A+B", sums, {"keys": keys}, bridge, options),
    }


def _weights(path: Path, options: Options) -> Weights:
    verdict = probe_member(Member(path.stem, path))
    return load_weights(Path(verdict.path), options, extra_buffers=verdict.extra_buffers)


def _ask(model: LanguageModel, questions: Sequence[dict[str, Any]]) -> list[bool]:
    right = []
    for question in questions:
        tokens = encode_start(model.vocabulary, question["prompt"])
        done = list(generate(model, tokens, limits=Limits(max_tokens=24)))[-1]
        assert isinstance(done, Finished)
        right.append(done.text.strip() == question["gold"])
    return right


def _share(right: Sequence[bool]) -> dict[str, Any]:
    return {
        "right": sum(right),
        "accuracy": sum(right) / len(right),
        "interval": wilson_interval(sum(right), len(right)),
    }


def render(table: dict[str, Any]) -> list[str]:
    """The table as text."""
    lines = [f"{'':34}  {'A':>6}  {'B':>6}  {'A+B':>6}  best constant guess"]
    labels = ("substitution, unseen keys", "arithmetic on numbers", "arithmetic on unseen keys")
    for row, label in zip(ROWS, labels, strict=True):
        found = table["rows"][row]
        shares = "  ".join(f"{found[name]['accuracy']:6.3f}" for name in ("A", "B", "A+B"))
        guess = found["best constant guess"]
        lines.append(f"{label:34}  {shares}  {guess['share']:.3f} ({guess['answer']})")
    return lines


def _write_jsonl(path: Path, records: Sequence[dict[str, Any]]) -> None:
    _write(path, "".join(json.dumps(record) + "\n" for record in records))


def _write(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


if __name__ == "__main__":
    main()
