"""What one token costs: CALM against its models' own steps, proxy-tuning against its members'.

`python scripts/experiments/calm_cost.py --models DIR/models.toml` on the files that widen.py made: the
base as anchor, one expert as augmenting model, a random bridge (speed does not depend on its values).
Every figure is a ratio within one run, steps alternating; CPU time of one thread, so that other work on
the machine does not count.
"""

import argparse
import importlib.metadata
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

# Before NumPy is loaded: one thread everywhere.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from localcollab.bench.figures import Figure, alternate, choose_clock, figure, ratios
from localcollab.catalog import load_catalog
from localcollab.language_model import LanguageModel
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.weights import Weights, load_weights
from localcollab.methods.bridges import Bridge, BridgeMetadata, LayerPair, Pair
from localcollab.methods.calm import CalmModel
from localcollab.methods.logits import proxy_tuned
from localcollab.teams.identity import probe_member
from localcollab.teams.plan import Member
from localcollab_convert.calm.request import spread_pairs

N_PAST = 512
N_STEPS = 8
"""Tokens one by one in each round."""


def main() -> None:
    """Measure and print; `--json` writes the figures with all ratios."""
    options = _parse_options()
    weights = [_load(name, options.models) for name in (options.anchor, *options.experts)]
    found = [calm_cost(weights[0], weights[1], options), proxy_cost(weights, options.rounds)]
    for line in found:
        print(f"{line.label}: {line.value:.3f} ({line.note})")
    if options.json:
        names = ("numpy", "llama-cpp-python", "localcollab")
        record = {
            "models": {w.path.name: w.description for w in weights},
            "n_past": N_PAST,
            "inner": options.inner,
            "figures": [asdict(line) for line in found],
            "versions": {name: importlib.metadata.version(name) for name in names},
        }
        options.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--models", type=Path, required=True, help="models.toml of widen.py")
    parser.add_argument("--anchor", default="formulary-1b-base")
    parser.add_argument("--experts", nargs=2, default=["formulary-wide", "arithmetic-wide"])
    parser.add_argument("--inner", type=int, default=256)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _load(name: str, catalog: Path) -> Weights:
    member = Member(name, load_catalog(catalog).model(name).path)
    verdict = probe_member(member)
    return load_weights(Path(verdict.path), _OPTIONS, extra_buffers=verdict.extra_buffers)


_OPTIONS = Options(n_ctx=1024, n_threads=1)


def calm_cost(anchor: Weights, augmenting: Weights, options: argparse.Namespace) -> Figure:
    """A CALM step over the sum of an anchor's and an augmenting model's step."""
    bridge = random_bridge(anchor, augmenting, options.inner, options.heads)
    alone = [LlamaModel(w, _OPTIONS, name=w.path.stem) for w in (anchor, augmenting)]
    composed = CalmModel("calm", anchor, {"augmenting": augmenting}, bridge, _OPTIONS)
    n_pairs = len(bridge.pairs)
    return _against_sum(
        f"CALM step / (anchor + augmenting), {n_pairs} pairs of inner width {options.inner}",
        composed, alone, options.rounds,
    )  # fmt: skip


def proxy_cost(weights: Sequence[Weights], n_rounds: int) -> Figure:
    """A proxy-tuned step over the sum of its three members' steps."""
    alone = [LlamaModel(w, _OPTIONS, name=w.path.stem) for w in weights]
    members = [LlamaModel(w, _OPTIONS, name=w.path.stem) for w in weights]
    team = proxy_tuned("proxy", *members, alpha=1.0)
    return _against_sum("proxy step / sum of its members'", team, alone, n_rounds)


def random_bridge(anchor: Weights, augmenting: Weights, n_inner: int, n_heads: int) -> Bridge:
    """Small random values: the anchor goes on saying something."""
    rng = np.random.default_rng(0)
    d_b, d_a = anchor.n_embd, augmenting.n_embd

    def matrix(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.01, shape).astype(np.float32)

    layers = [LayerPair(0, a, b) for a, b in spread_pairs(augmenting.n_layer, anchor.n_layer)]
    pairs = tuple(
        Pair(
            norm_anchor=np.ones(d_b, np.float32), norm_augmenting=np.ones(d_a, np.float32),
            query=matrix(n_inner, d_b), key=matrix(n_inner, d_a), value=matrix(n_inner, d_a),
            output=matrix(d_b, n_inner),
        )
        for _ in layers
    )  # fmt: skip
    return Bridge(pairs, BridgeMetadata("", ("",), "", tuple(layers), n_heads))


def _against_sum(
    label: str, model: LanguageModel, parts: Sequence[LanguageModel], n_rounds: int
) -> Figure:
    names = ["whole", *(f"part {n}" for n in range(len(parts)))]
    steps = dict(zip(names, (_steps(m) for m in (model, *parts)), strict=True))
    seconds = alternate(steps, n_rounds)
    sums = [sum(values) for values in zip(*(seconds[name] for name in names[1:]), strict=True)]
    found = ratios(seconds["whole"], sums)
    medians = {name: float(np.median(values)) / N_STEPS * 1e3 for name, values in seconds.items()}
    shown = " + ".join(f"{medians[name]:.1f}" for name in names[1:])
    return figure("cost", label, found, note=f"{medians['whole']:.1f} ms against {shown} ms")


def _steps(model: LanguageModel) -> Callable[[], float]:
    """Seconds of `N_STEPS` tokens, each behind at least `N_PAST`."""
    past = np.random.default_rng(1).integers(10, 700, N_PAST).tolist()
    clock, n_runs = choose_clock(busy=True), 0

    def run() -> float:
        nonlocal n_runs
        n_runs += 1
        # Another first token each time: what was read before does not count.
        tokens = [*past, *range(10 + n_runs, 10 + n_runs + N_STEPS)]
        model.read(past, last=0)
        started = clock()
        for n in range(N_PAST + 1, len(tokens) + 1):
            model.read(tokens[:n])
        return clock() - started

    return run


if __name__ == "__main__":
    main()
