"""Three tasks of lm-evaluation-harness on the shipped team, on two strangers, and on each stranger alone.

`python scripts/experiments/harness_tasks.py --base SMOLLM2.gguf --expert GEMMA.gguf --fixtures DIR
--out DIR`

Writes local task files and their data to `--out`, runs the harness's own command on each system, offline,
and prints one row a system: ARC-Challenge (choices by likelihood, `acc`), PopQA (the 400 most popular of
the test half, four examples of the other, `exact_match` without case and punctuation) and paragraphs of
XQuAD in English (rolling likelihood, `bits_per_byte`). The strangers are asked three times: handing over
by entropy, as an equal mixture of words, and by a head (`--head`: of `convert head`, composed). Needs the
extra `harness`.
"""

import argparse
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SEED, _N_POPULAR = 0, 400
_METRICS = {"arc": "acc,none", "popqa": "exact_match,bare", "xquad": "bits_per_byte,none"}
_COMMON = """task: side_{name}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {test}
    dev: {dev}
test_split: test
fewshot_split: dev
"""
_TASKS = {
    "arc": """output_type: multiple_choice
doc_to_text: "Question: {{prompt}}\\nAnswer:"
doc_to_choice: "{{choices}}"
doc_to_target: "{{label}}"
metric_list:
  - metric: acc
""",
    "popqa": """output_type: generate_until
num_fewshot: 4
fewshot_config:
  sampler: first_n
doc_to_text: "Question: {{prompt}}\\nAnswer:"
doc_to_target: "{{answers}}"
generation_kwargs:
  until: ["\\n"]
  max_gen_toks: 24
  do_sample: false
filter_list:
  - name: bare
    filter:
      - function: remove_whitespace
      - function: take_first
metric_list:
  - metric: exact_match
    ignore_case: true
    ignore_punctuation: true
""",
    "xquad": """output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{text}}"
metric_list:
  - metric: bits_per_byte
""",
}


@dataclass(frozen=True)
class System:
    name: str
    model_args: str


def systems(arguments: argparse.Namespace) -> Iterator[System]:
    pair = f"base={arguments.base},experts={arguments.expert},n_ctx=1024"
    yield System("formulary (shipped)", "team=formulary,n_ctx=1024")
    yield System(arguments.base.stem, f"base={arguments.base},n_ctx=1024")
    yield System(arguments.expert.stem, f"base={arguments.expert},n_ctx=1024")
    yield System("both, entropy gate", f"{pair},gate=entropy,threshold=0.5")
    yield System("both, equal mixture", f"team=equal,models={equal_mixture(arguments)},n_ctx=1024")
    if arguments.head:
        yield System("both, trained mixture", f"{pair},head={arguments.head},compose=True")


def equal_mixture(arguments: argparse.Namespace) -> Path:
    """A models.toml with a team of that name."""
    path: Path = arguments.out / "models.toml"
    models = (f'[models.{k}]\npath = "{path}"\n' for k, path in members(arguments).items())
    team = '[teams.equal]\nmethod = "mixture"\nmembers = ["a", "b"]\n'
    path.write_text("".join(models) + team)
    return path


def members(arguments: argparse.Namespace) -> dict[str, Path]:
    return {"a": arguments.base.absolute(), "b": arguments.expert.absolute()}


def write_tasks(fixtures: Path, folder: Path, n: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, (dev, test) in records(fixtures).items():
        files = {}
        for split, found in (("dev", dev[:50]), ("test", drawn(test, n))):
            files[split] = folder / f"{name}-{split}.jsonl"
            files[split].write_text("".join(json.dumps(record) + "\n" for record in found))
        text = _COMMON.format(name=name, **files) + _TASKS[name]
        (folder / f"{name}.yaml").write_text(text)


def records(fixtures: Path) -> Mapping[str, tuple[list[Any], list[Any]]]:
    """(dev, test) by task."""
    tasks, xquad = fixtures / "tasks", fixtures / "data" / "xquad.en.json"
    articles = json.loads(xquad.read_text(encoding="utf-8"))["data"]
    texts = [{"text": p["context"]} for a in articles for p in a["paragraphs"]]
    return {
        "arc": halves(tasks / "arc_challenge.jsonl", choice_of),
        "popqa": halves(tasks / "popqa.jsonl", answers_of, popular=True),
        "xquad": (texts[:10], texts[len(texts) // 2 :]),
    }


def halves(path: Path, made: Any, *, popular: bool = False) -> tuple[list[Any], list[Any]]:
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    parts = [[r for r in lines if r["split"] == split] for split in ("dev", "test")]
    if popular:
        parts = [sorted(part, key=lambda r: -r["popularity"])[:_N_POPULAR] for part in parts]
    dev, test = ([made(record) for record in part] for part in parts)
    return dev, test


def choice_of(record: Any) -> Any:
    labels, texts = zip(*record["choices"].items(), strict=True)
    return {"prompt": record["prompt"], "choices": texts, "label": labels.index(record["answer"])}


def answers_of(record: Any) -> Any:
    return {"prompt": record["prompt"], "answers": record["answers"]}


def drawn(records: Sequence[Any], n: int) -> list[Any]:
    return random.Random(_SEED).sample(list(records), min(n, len(records)))


def measure(system: System, task: str, folder: Path) -> float:
    """What was measured before is read."""
    out = folder / system.name.replace(" ", "-") / task
    if not list(out.rglob("results_*.json")):
        command = [
            sys.executable, "-m", "localcollab.harness", "run", "--model", "localcollab",
            "--model_args", system.model_args, "--tasks", f"side_{task}",
            "--include_path", str(folder / "tasks"), "--output_path", str(out),
        ]  # fmt: skip
        env = os.environ | {"HF_HOME": str(folder / "hub")}
        done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
        if done.returncode:
            raise SystemExit(f"{system.name}: {done.stderr[-1500:]}")
    *_, newest = sorted(out.rglob("results_*.json"))
    found: float = json.loads(newest.read_text())["results"][f"side_{task}"][_METRICS[task]]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--expert", type=Path, required=True)
    parser.add_argument("--head", type=Path)
    parser.add_argument("--fixtures", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=100, help="Questions, or texts, a task.")
    arguments = parser.parse_args()
    write_tasks(arguments.fixtures, arguments.out / "tasks", arguments.limit)
    print("| system | ARC-Challenge, acc | PopQA, exact match | XQuAD, bits a byte |")
    for system in systems(arguments):
        found = (f"{measure(system, task, arguments.out):.3f}" for task in _METRICS)
        cells = (system.name, *found)
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
