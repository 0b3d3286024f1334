"""Two models of strangers' making as a team: bits a byte of text that neither was made for by us.

`python scripts/experiments/strangers.py --base SMOLLM2.gguf --expert GEMMA.gguf --fixtures DIR --out DIR`

Windows of documents in four domains (PEPs, XQuAD paragraphs, the same in German, Python's standard
library) are scored word by word (`vocabularies.word_scores`), once; the scores are kept in `--out`. Half
of the documents of a domain tune, the other half is looked at once. Printed, in bits a byte of the test
windows: each member alone, the equal mixture of words, one tuned weight for the domain (`tuned`), one
for all domains (`global`), one gate for all domains (`gate`: a head with a hidden layer, as `convert
head` trains), and the oracle that knows the better member of each word. Differences are relative, with
95 % of a bootstrap over documents. A window that a member cannot write (a character that its tokenizer
loses) is left out.
"""

import argparse
import json
import math
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.probe import probe
from localcollab.llama.weights import load_weights
from localcollab.methods.heads import Head, HeadMetadata
from localcollab.vocabularies.translated import TranslatedModel
from localcollab.vocabularies.word_scores import FLOOR, WordScorer
from localcollab.vocabulary import Vocabulary
from localcollab_convert.export.likelihood import TokenTable
from localcollab_convert.head.choosing import best_head
from localcollab_convert.head.train import Recipe

_WINDOW, _N_CTX = 2000, 1024
"""Bytes; tokens."""
_N_BOOTSTRAP, _SEED = 2000, 0
_GRID = np.array([*np.linspace(0.02, 0.98, 49), 0.985, 0.99, 0.995, 0.998])
DOMAINS = ("pep", "xquad", "german", "code")
_KEYS = ("n_bytes", "logprobs", "goes_on", "is_argmax", "hidden")
_COLUMNS = ("base", "expert", "equal", "tuned", "global", "gate", "oracle")


@dataclass(frozen=True)
class Window:
    """One document's window, by word."""

    domain: str
    document: int
    n_bytes: int
    logprobs: np.ndarray
    """(n, 2), nats: base, expert."""
    goes_on: np.ndarray
    """(n, 2)"""
    is_argmax: np.ndarray
    """(n, 2)"""
    hidden: np.ndarray
    """(n, n_embd), of the base."""


def documents(fixtures: Path, domain: str, n: int) -> Iterator[str]:
    """The middle of each document, the first `n` that are long enough."""
    if domain == "pep":
        texts = _files(fixtures / "data/peps", "*.rst")
    elif domain == "code":
        texts = _files(Path(sysconfig.get_paths()["stdlib"]), "*.py")
    else:
        path = fixtures / f"data/xquad.{ {'xquad': 'en', 'german': 'de'}[domain] }.json"
        articles = json.loads(path.read_text(encoding="utf-8"))["data"]
        texts = ("\n\n".join(p["context"] for p in a["paragraphs"]) for a in articles)
    long_enough = (text for text in texts if len(text) >= _WINDOW)
    for _, text in zip(range(n), long_enough, strict=False):
        middle = len(text) // 2 - _WINDOW // 2
        yield text[middle : middle + _WINDOW]


def _files(folder: Path, pattern: str) -> Iterator[str]:
    return (path.read_text(encoding="utf-8") for path in sorted(folder.glob(pattern)))


def open_model(path: Path, name: str) -> LlamaModel:
    verdict = probe(path)
    options = Options(n_ctx=_N_CTX)
    weights = load_weights(Path(verdict.path), options, extra_buffers=verdict.extra_buffers)
    return LlamaModel(weights, options, name=name)


class Scorer:
    """The two models, opened when they are first needed."""

    def __init__(self, base: Path, expert: Path) -> None:
        opened = open_model(base, "base")
        self.vocabulary: Vocabulary = opened.vocabulary
        stranger = TranslatedModel(open_model(expert, "expert"), self.vocabulary)
        self._words = WordScorer([opened, stranger])

    def score(self, domain: str, document: int, text: str) -> Window:
        vocabulary = self.vocabulary
        start = vocabulary.encode("", bos=True) or [vocabulary.bos or 0]
        tokens = [*start, *vocabulary.encode(text)][: _N_CTX - 1]
        found = self._words.score(tokens, [(len(start), len(tokens))], hidden=True)
        assert found.hidden is not None
        return Window(
            domain, document, int(found.n_bytes.sum()), found.logprobs, found.goes_on,
            found.is_argmax, found.hidden,
        )  # fmt: skip


def windows_of(arguments: argparse.Namespace) -> list[Window]:
    """Read from `--out` where they are there."""
    found: list[Window] = []
    scorer: Scorer | None = None
    for domain in DOMAINS:
        path = arguments.out / f"{domain}.npz"
        if not path.exists():
            scorer = scorer or Scorer(arguments.base, arguments.expert)
            texts = enumerate(documents(arguments.fixtures, domain, arguments.documents))
            scored = [scorer.score(domain, n, text) for n, text in texts]
            np.savez(
                path, **{f"{key}{w.document}": getattr(w, key) for w in scored for key in _KEYS}
            )
            print(f"{domain}: {len(scored)} windows", flush=True)
        with np.load(path) as stored:
            for k in range(len(stored.files) // len(_KEYS)):
                n_bytes, *arrays = (stored[f"{key}{k}"] for key in _KEYS)
                found.append(Window(domain, k, int(n_bytes), *arrays))
    able = [window for window in found if window.logprobs.min(axis=1).max() > FLOOR]
    print(f"{len(found) - len(able)} windows are left out: a member cannot write them")
    return able


def mixture_nats(window: Window, weight: float | np.ndarray) -> float:
    """-log P(window) of the mixture; `weight`: the expert's, one or (n,). Whether the text goes on is the
    base's to say."""
    log_w = np.stack([np.log1p(-np.asarray(weight)), np.log(np.asarray(weight))], axis=-1)
    words = np.logaddexp.reduce(window.logprobs.astype(np.float64) + log_w, axis=1)
    return -float(words.sum() + window.goes_on[:, 0].sum(dtype=np.float64))


def alone_nats(window: Window, member: int) -> float:
    total = window.logprobs[:, member].sum(dtype=np.float64)
    return -float(total + window.goes_on[:, member].sum(dtype=np.float64))


def oracle_nats(window: Window) -> float:
    return -float(window.logprobs.max(axis=1).sum() + window.goes_on[:, 0].sum())


def best_weight(windows: Sequence[Window]) -> float:
    return float(min(_GRID, key=lambda w: sum(mixture_nats(window, w) for window in windows)))


def train_gate(tuning: Sequence[Window], folder: Path) -> Head:
    """As `convert head --hidden 32` does; every fourth of the tuning documents is its validation data."""
    valid = [w for w in tuning if w.document % 8 == 0]
    train = [w for w in tuning if w.document % 8]
    recipe = Recipe(width=32, seed=_SEED)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        fit = best_head(
            table(train), table(valid), recipe, lambda name: Path(work) / f"{name}.pt",
            lambda step, nll: None,
        )  # fmt: skip
    return Head(fit.tensors, HeadMetadata("", ("",), "", ""))


def table(windows: Sequence[Window]) -> TokenTable:
    return TokenTable(
        np.concatenate([w.hidden for w in windows]).astype(np.float16),
        np.concatenate([w.logprobs for w in windows]),
        np.concatenate([w.is_argmax for w in windows]),
    )


def bits(nats: Sequence[float], windows: Sequence[Window]) -> float:
    return sum(nats) / math.log(2) / sum(window.n_bytes for window in windows)


def difference(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Relative, with a bootstrap over documents."""
    rng, a, b = np.random.default_rng(_SEED), np.array(ours), np.array(theirs)
    drawn = rng.integers(0, len(a), (_N_BOOTSTRAP, len(a)))
    low, high = np.quantile(a[drawn].sum(axis=1) / b[drawn].sum(axis=1) - 1, [0.025, 0.975])
    return f"{a.sum() / b.sum() - 1:+.1%} ({low:+.1%} to {high:+.1%})"


def report(windows: Sequence[Window], folder: Path) -> None:
    tuning = [w for w in windows if w.document % 2 == 0]
    gate, global_weight = train_gate(tuning, folder), best_weight(tuning)
    print(f"one weight of the expert for all domains: {global_weight:.2f}")
    pairs = (("tuned", "better"), ("gate", "tuned"), ("gate", "global"))
    print("domain", "windows", *_COLUMNS, "weight", *map(" / ".join, pairs), sep=" | ")
    everywhere: dict[str, list[float]] = {}
    for domain in DOMAINS:
        weight = best_weight([w for w in tuning if w.domain == domain])
        test = [w for w in windows if w.domain == domain and w.document % 2]
        systems = {
            "base": [alone_nats(w, 0) for w in test],
            "expert": [alone_nats(w, 1) for w in test],
            "equal": [mixture_nats(w, 0.5) for w in test],
            "tuned": [mixture_nats(w, weight) for w in test],
            "global": [mixture_nats(w, global_weight) for w in test],
            "gate": [mixture_nats(w, gate.p_defer(w.hidden)[:, 0]) for w in test],
            "oracle": [oracle_nats(w) for w in test],
        }
        systems["better"] = min(systems["base"], systems["expert"], key=sum)
        for name, nats in systems.items():
            everywhere.setdefault(name, []).extend(nats)
        shown = [f"{bits(systems[name], test):.3f}" for name in _COLUMNS]
        told = [difference(systems[one], systems[other]) for one, other in pairs]
        print(domain, len(test), *shown, f"{weight:.2f}", *told, sep=" | ")
    told = [difference(everywhere[one], everywhere[other]) for one, other in pairs]
    print("all", *told, sep=" | ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--expert", type=Path, required=True)
    parser.add_argument("--fixtures", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--documents", type=int, default=48, help="Maximum number a domain.")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    report(windows_of(arguments), arguments.out)


if __name__ == "__main__":
    main()
