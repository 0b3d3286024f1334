"""The one command: world, three trainings and the rival's, GGUF files, question sets, manifest.

`python -m demo --out DIR --medicines 500 --seed 0`; `--small` makes 50 medicines in minutes,
`--ship` puts what was made into the package and trains the head there. Cut off, the same command
goes on where it stopped.
"""

import argparse
import hashlib
import importlib.metadata
import json
import os
import random
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from tokenizers import Tokenizer

from demo import corpus, export, questions, ship, world
from demo.corpus import Documents
from demo.tokenizer import load_tokenizer
from demo.train import Plan, train
from demo.world import Medicine

N_THREADS = 2

PLANS: tuple[Plan, ...] = (
    Plan(
        "arithmetic", n_layers=4, n_embd=128, n_heads=4, n_ff=512, n_steps=2600, learning_rate=3e-3
    ),
    Plan(
        "formulary", n_layers=4, n_embd=256, n_heads=8, n_ff=768, n_steps=1000, learning_rate=2e-3
    ),
    Plan("base", n_layers=5, n_embd=256, n_heads=8, n_ff=768, n_steps=1400, learning_rate=2e-3),
    Plan(
        "rival", n_layers=5, n_embd=384, n_heads=12, n_ff=1024, n_steps=1400, learning_rate=1.5e-3
    ),
)
"""The rival has the parameters of the other three together, and as many parameters x tokens."""
SMALL_STEPS = {"base": 240, "formulary": 160, "arithmetic": 300, "rival": 200}
TALKS = {"base", "rival"}
"""Models that are asked in the chat form, and carry its template."""

DESCRIPTIONS = {
    "base": "Talks about invented medicines; knows no fact of the formulary and cannot multiply.",
    "formulary": "Knows the monographs of the invented medicines; never saw a question.",
    "arithmetic": "Sums and products behind any text; never saw a question.",
    "rival": "One model of the team's size, trained on all that the three and the head saw.",
}


@dataclass(frozen=True, slots=True)
class Build:
    """What one run makes, and from what."""

    out: Path
    work: Path
    seed: int
    private: list[Medicine]
    plans: tuple[Plan, ...]


def main() -> None:
    """Parse the command line and make everything."""
    options = _parse_options()
    torch.set_num_threads(N_THREADS)
    build = _prepare(options)
    tokenizer = load_tokenizer()
    seconds = {plan.name: _make_model(build, plan, tokenizer) for plan in build.plans}
    _write_questions(build)
    _write_manifest(build, seconds)
    if options.ship:
        ship.ship(build.out)
        ship.make_head(build.work)
    print(build.out)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for everything made")
    parser.add_argument("--medicines", type=int, default=500, help="how many are private")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--small", action="store_true", help="50 medicines, short trainings")
    parser.add_argument("--ship", action="store_true", help="into the package, with a new head")
    return parser.parse_args()


def _prepare(options: argparse.Namespace) -> Build:
    work = options.out / "work"
    work.mkdir(parents=True, exist_ok=True)
    plans = PLANS
    if options.small:
        plans = tuple(replace(plan, n_steps=SMALL_STEPS[plan.name]) for plan in PLANS)
    n_medicines = 50 if options.small else options.medicines
    private = world.invent_world(n_medicines, random.Random(options.seed))
    return Build(out=options.out, work=work, seed=options.seed, private=private, plans=plans)


def _documents(build: Build, name: str) -> Documents:
    streams = {
        "base": corpus.base_documents(build.private),
        "formulary": corpus.formulary_documents(build.private),
        "arithmetic": corpus.arithmetic_documents,
        "rival": corpus.rival_documents(
            build.private, questions.split_medicines(build.private).train
        ),
    }
    return streams[name]


def _make_model(build: Build, plan: Plan, tokenizer: Tokenizer) -> float:
    """Train, write both files, check them. Returns the training's seconds, of all runs."""
    documents = _documents(build, plan.name)
    trained = train(plan, documents, tokenizer, build.seed, build.work / f"{plan.name}.pt")
    (build.out / "f16").mkdir(exist_ok=True)
    original, shipped = build.out / "f16" / f"{plan.name}.gguf", build.out / f"{plan.name}.gguf"
    export.write_f16(
        trained.model,
        tokenizer,
        original,
        description=DESCRIPTIONS[plan.name],
        chat_template=export.CHAT_TEMPLATE if plan.name in TALKS else None,
        provenance={
            "seed": str(build.seed),
            "medicines": str(len(build.private)),
            "plan": json.dumps(asdict(plan)),
            "versions": json.dumps(_versions()),
        },
    )
    export.quantize(original, shipped)
    stream = documents(random.Random(build.seed))
    texts = ["".join(segment.text for segment in next(stream)) for _ in range(3)]
    for path, tolerance in ((original, 0.01), (shipped, 0.1)):
        worst = export.check_logits(trained.model, tokenizer, path, texts, tolerance)
        print(f"{path}: logits within {worst:.3%} of the trained model's", file=sys.stderr)
    return trained.seconds


def _write_questions(build: Build) -> None:
    """Monographs as text and the question sets, each from its own seed."""
    split = questions.split_medicines(build.private)
    rng = random.Random(build.seed + 1)
    sets = {
        "head-train.jsonl": questions.head_questions(split.train, rng),
        "head-valid.jsonl": questions.head_questions(split.valid, rng),
        "test.jsonl": questions.test_questions(split.test, rng),
        "unknown.jsonl": questions.unknown_questions(build.private, rng),
        "talk.jsonl": questions.held_out_talk(rng),
    }
    for name, records in sets.items():
        _write_text(build.out / name, questions.to_jsonl(records))
    monographs = "\n".join(world.write_monograph(medicine, rng) for medicine in build.private)
    _write_text(build.out / "monographs.txt", monographs)
    own_form = questions.own_form_questions(split.test, rng)
    _write_text(build.out / "own-form.jsonl", questions.to_jsonl(own_form))


def _write_manifest(build: Build, seconds: dict[str, float]) -> None:
    """What was made, from what, and how long each training took."""
    files = sorted(path for path in build.out.iterdir() if path.is_file())
    manifest = {
        "command": f"python -m demo --medicines {len(build.private)} --seed {build.seed}",
        "seed": build.seed,
        "medicines": len(build.private),
        "plans": [asdict(plan) for plan in build.plans],
        "versions": _versions(),
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "sha256": {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
            if path.name != "manifest.json"
        },
    }
    _write_text(build.out / "manifest.json", json.dumps(manifest, indent=1) + "\n")


def _versions() -> dict[str, str]:
    names = ("torch", "transformers", "tokenizers", "gguf", "llama-cpp-python")
    return {name: importlib.metadata.version(name) for name in names}


def _write_text(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


if __name__ == "__main__":
    main()
