"""A draft of another vocabulary: what it proposes, what is accepted, and whether the text stays the same.

`python scripts/experiments/stranger_drafts.py --target GEMMA.gguf --draft SMOLLM2.gguf
--questions popqa.jsonl`

`--limit` prompts (200) are answered greedily by the target, one token at a time and with `--depth`
proposed tokens a read. Printed: the share of proposed tokens that were accepted; whether every written
token was the most likely one of the batch it was read in; the share of texts that differ from one token
at a time, and at the first difference of each the gap between the two tokens in the target's own logits
(quantized weights are multiplied by other kernels in larger batches). `--exact` opens the models with
flash attention off and an F32 cache, as the tests do for F32 weights.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.controller import Speculation
from localcollab.decoding.generate import generate
from localcollab.decoding.speculation import Draft
from localcollab.events import Finished
from localcollab.language_model import Float32Array, LanguageModel, OnChunk, Reading, Wrapper
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.probe import probe
from localcollab.llama.weights import load_weights
from localcollab.methods.vocabulary_map import in_vocabulary


@dataclass(frozen=True)
class Answered:
    """One prompt, without and with the draft."""

    n_proposed: int
    n_accepted: int
    keeps_the_rule: bool
    """Every token is the argmax of the batch that it was read in."""
    gap: float | None
    """Logits between the two tokens where the texts part, read one at a time; None: they do not."""


class Recorder(Wrapper):
    """Remembers the logits behind every position, as it was read last."""

    def __init__(self, inner: LanguageModel) -> None:
        super().__init__(inner)
        self.rows: dict[int, Float32Array] = {}

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:
        reading = super().read(tokens, last=last, hidden=hidden, on_chunk=on_chunk)
        for row, logits in enumerate(reading.logits, len(tokens) - last + 1):
            self.rows[row] = logits.copy()
        return reading


def answered(
    target: LanguageModel, draft: Draft, prompt: Sequence[int], n_tokens: int, depth: int
) -> Answered:
    limits = Limits(n_tokens, ends_loops=False)
    single, recorder = Recorder(target), Recorder(target)
    plain, _ = _written(single, prompt, limits, None)
    speculation = Speculation(recorder, draft=draft, looks_up=False, depth=depth)
    drafted, end = _written(recorder, prompt, limits, speculation)
    said = [int(recorder.rows[len(prompt) + n].argmax()) for n in range(len(drafted))]
    counts = list(end.drafted.values())
    return Answered(
        sum(count.proposed for count in counts),
        sum(count.accepted for count in counts),
        said == list(drafted),
        _gap(plain, drafted, single.rows, len(prompt)),
    )


def _written(
    model: LanguageModel, prompt: Sequence[int], limits: Limits, speculation: Speculation | None
) -> tuple[tuple[int, ...], Finished]:
    *_, end = generate(model, list(prompt), limits=limits, speculation=speculation)
    assert isinstance(end, Finished)
    return end.tokens, end


def _gap(
    plain: Sequence[int], drafted: Sequence[int], rows: Mapping[int, Float32Array], n_prompt: int
) -> float | None:
    """`rows`: of the text that was written one token at a time, by position."""
    pairs = enumerate(zip(plain, drafted, strict=False))
    parted = next((n for n, (one, other) in pairs if one != other), None)
    if parted is None:
        return None
    row = rows[n_prompt + parted]
    return float(row[plain[parted]] - row[drafted[parted]])


def report(found: Sequence[Answered]) -> str:
    proposed, accepted = (sum(getattr(a, n) for a in found) for n in ("n_proposed", "n_accepted"))
    gaps = sorted(a.gap for a in found if a.gap is not None)
    broken = sum(not a.keeps_the_rule for a in found)
    lines = [
        f"prompts {len(found)}; accepted {accepted} of {proposed} ({accepted / max(proposed, 1):.3f})",
        f"tokens that were not the argmax of their batch: in {broken} answers",
        f"texts that differ from one token at a time: {len(gaps)} ({len(gaps) / len(found):.3f})",
    ]
    if gaps:
        quantiles = np.quantile(gaps, [0.5, 0.9, 1.0])
        lines.append(
            "gap there, logits: median {:.3f}, 90 % {:.3f}, most {:.3f}".format(*quantiles)
        )
        lines.append("each: " + " ".join(f"{gap:.3f}" for gap in gaps))
    return "\n".join(lines)


def questions(path: Path, limit: int) -> Iterator[str]:
    with path.open(encoding="utf-8") as lines:
        for _, line in zip(range(limit), lines, strict=False):
            yield f"Question: {json.loads(line)['prompt']}\nAnswer:"


def open_model(path: Path, name: str, given: argparse.Namespace) -> LlamaModel:
    verdict, options = probe(path), Options(n_ctx=512, n_threads=given.threads)
    if given.exact:
        options = replace(options, flash_attention="off", kv_type="f32")
    weights = load_weights(Path(verdict.path), options, extra_buffers=verdict.extra_buffers)
    return LlamaModel(weights, options, name=name)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name in ("target", "draft", "questions"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=24)
    parser.add_argument("--depth", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--exact", action="store_true")
    given = parser.parse_args()
    target = open_model(given.target, "target", given)
    draft = Draft(in_vocabulary(open_model(given.draft, "draft", given), target.vocabulary))
    found: list[Answered] = []
    for text in questions(given.questions, given.limit):
        prompt = target.vocabulary.encode(text, bos=True)
        found.append(answered(target, draft, prompt, given.tokens, given.depth))
        if len(found) % 20 == 0:
            print(report(found), file=sys.stderr, flush=True)
    print(report(found))


if __name__ == "__main__":
    main()
