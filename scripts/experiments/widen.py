"""Make a small team large without changing what it computes, so that speed is measured with real answers.

    python scripts/experiments/widen.py --from localcollab/shipped/formulary --out DIR

The base becomes Q4_K_M, which costs precision as it would in any model; experts become Q8_0. Beside
them lie the head, padded alike, and a models.toml with the team.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from localcollab.catalog import Deferral, Familiarity, load_catalog
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.probe import file_sha256, probe
from localcollab.llama.weights import load_weights
from localcollab.methods.heads import Head, load_head, save_head
from wide_gguf import TYPES, Shape, quantize, widen

SIZES = {"1.1b": Shape(22, 2048, 5632), "0.13b": Shape(14, 768, 3072), "0.05b": Shape(9, 512, 2048)}
_CHECKED_TOKENS = 48


def make(source: Path, out: Path, big: Shape, ftype: str, seed: int) -> None:
    """One member, quantized; the F16 file lies beside it while it is needed."""
    wide = out.with_name(out.name + ".f16")
    try:
        widen(source, wide, big, seed)
        quantize(wide, out, ftype)
    finally:
        wide.unlink(missing_ok=True)


def compare(small: Path, wide: Path, texts: Sequence[str]) -> dict[str, float]:
    """On the same tokens: share of equal likeliest tokens, and the error of the logits in their std."""
    options = Options(n_ctx=512)
    one, other = (
        LlamaModel(load_weights(path, options, extra_buffers=False), options, name=path.stem)
        for path in (small, wide)
    )
    same, error, spread = [], [], []
    for text in texts:
        tokens = one.vocabulary.encode(text)[:_CHECKED_TOKENS]
        ours = one.read(tokens, last=len(tokens)).logits
        theirs = other.read(tokens, last=len(tokens)).logits
        same.append(float((ours.argmax(axis=1) == theirs.argmax(axis=1)).mean()))
        error.append(float(np.square(ours - theirs).mean()))
        spread.append(float(ours.var()))
    return {
        "same_likeliest": float(np.mean(same)),
        "error_in_std": math.sqrt(np.mean(error) / np.mean(spread)),
    }


def widen_head(head: Head, n_embd: int, sha256s: Sequence[str]) -> Head:
    """The added columns read states that are zero. `sha256s`: of the wide files, base first."""
    name = "hidden_weight" if "hidden_weight" in head.tensors else "weight"
    weight = head.tensors[name]
    wide = np.pad(weight, ((0, 0), (0, n_embd - weight.shape[1])))
    metadata = replace(head.metadata, base_sha256=sha256s[0], expert_sha256s=tuple(sha256s[1:]))
    return Head({**head.tensors, name: wide}, metadata)


def order_experts(folder: Path, head: Head | None) -> list[Path]:
    """As the head has them; without a head by name."""
    paths = sorted(path for path in folder.glob("*.gguf") if path.stem != "base")
    if head is None:
        return paths
    by_sha256 = {file_sha256(path): path for path in paths}
    if missing := set(head.metadata.expert_sha256s) - set(by_sha256):
        raise SystemExit(f"{folder}: no file has the head's expert {min(missing)[:12]}")
    return [by_sha256[sha256] for sha256 in head.metadata.expert_sha256s]


def shipped_familiarity(folder: Path) -> dict[str, Familiarity]:
    """By file stem: how the catalogue tells names that an expert of this folder does not know."""
    catalog = load_catalog()
    return {
        catalog.model(expert).path.stem: familiarity
        for team in catalog.teams.values()
        if isinstance(team.method, Deferral)
        for expert, familiarity in team.method.familiar.items()
        if catalog.model(expert).path.parent.resolve() == folder.resolve()
    }


def catalog_text(
    team: str, experts: Sequence[str], familiar: Mapping[str, Familiarity], *, has_head: bool
) -> str:
    """models.toml of the wide team."""
    lines = [f'[models.{team}-base]\npath = "base.gguf"\n']
    lines += [f'[models."{name}-wide"]\npath = "{name}.gguf"\n' for name in experts]
    lines += [f'[heads.{team}]\npath = "head.safetensors"\n'] if has_head else []
    names = ", ".join(f'"{name}-wide"' for name in experts)
    decides = f'head = "{team}"' if has_head else 'gate = "entropy"'
    lines.append(
        f'[teams.{team}]\nmethod = "deferral"\nbase = "{team}-base"\nexperts = [{names}]\n{decides}\n'
        'about = "a small team at the cost of a large one: it answers alike"\n'
    )
    lines += [
        f'[teams.{team}.familiar."{name}-wide"]\nopening = {json.dumps(found.opening)}\n'
        f"least_logprob = {found.least_logprob}\n"
        for name, found in familiar.items()
    ]
    return "\n".join(lines)


def sample_texts(folder: Path) -> list[str]:
    """Questions and answers of the team's own test data."""
    data = folder / "test.jsonl"
    if not data.is_file():
        return ["User: How many mg is one dose?\nAssistant:\nOne dose is 15 mg."]
    records = [json.loads(line) for line in data.read_text().splitlines()[:200:10]]
    return [
        "".join(f"{m['role'].title()}: {m['content']}\n" for m in record["messages"])
        for record in records
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--from", dest="source", type=Path, required=True, help="a shipped team")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="formulary-1b", help="of the team in models.toml")
    parser.add_argument("--base-size", choices=SIZES, default="1.1b")
    parser.add_argument("--expert-size", choices=SIZES, default="0.13b")
    parser.add_argument("--base-type", choices=TYPES, default="Q4_K_M")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    head_path = given.source / "head.safetensors"
    head = load_head(head_path) if head_path.is_file() else None
    experts = order_experts(given.source, head)
    sha256s, texts = [], sample_texts(given.source)
    for small in (given.source / "base.gguf", *experts):
        is_base, started, wide = small.stem == "base", time.perf_counter(), given.out / small.name
        size, ftype = (given.base_size, given.base_type) if is_base else (given.expert_size, "Q8_0")
        make(small, wide, SIZES[size], ftype, given.seed)
        sha256s.append(probe(wide).sha256)
        checked = {"file": str(wide), "size": size, "type": ftype, **compare(small, wide, texts)}
        print(
            json.dumps({**checked, "seconds": round(time.perf_counter() - started, 1)}), flush=True
        )
    if head:
        wide_head = widen_head(head, SIZES[given.base_size].n_embd, sha256s)
        save_head(wide_head, given.out / "head.safetensors")
    familiar = shipped_familiarity(given.source)
    text = catalog_text(
        given.name, [path.stem for path in experts], familiar, has_head=head is not None
    )
    (given.out / "models.toml").write_text(text)
    print(
        f"try: localcollab run --models {given.out}/models.toml --team {given.name}",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
