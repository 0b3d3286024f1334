"""Share of exact answers before and after, generated greedily by the runtime on the GGUF files."""

from collections.abc import Sequence

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.events import Finished
from localcollab.language_model import LanguageModel
from localcollab.progress import Counted, OnProgress
from localcollab_convert.calm.request import Accuracy
from localcollab_convert.export.examples import Example
from localcollab_convert.head.calibrate import score_answer


def answer_all(
    name: str, model: LanguageModel, examples: Sequence[Example], on_progress: OnProgress
) -> list[bool]:
    """Whether the last answer of each example equals the reference."""
    right = []
    for n, example in enumerate(examples):
        on_progress(Counted(f"measure: {name}", n, len(examples), "answers"))
        start, end = example.answers[-1]
        # A longer answer cannot be exact.
        limits = Limits(max_tokens=(end - start) * 5 // 4 + 8)
        done = list(generate(model, example.tokens[:start], limits=limits))[-1]
        assert isinstance(done, Finished), "a generation ends with Finished"
        right.append(score_answer(done.text, example.gold or "", "exact") == 1.0)
    return right


def summarize(
    examples: Sequence[Example], anchor: Sequence[bool], composed: Sequence[bool]
) -> Accuracy:
    kinds: dict[str, list[int]] = {}
    for n, example in enumerate(examples):
        kinds.setdefault(example.kind, []).append(n)
    by_kind = {
        kind: (_share(anchor, rows), _share(composed, rows))
        for kind, rows in sorted(kinds.items())
        if kind
    }
    everything = range(len(examples))
    return Accuracy(
        len(examples), _share(anchor, everything), _share(composed, everything), by_kind
    )


def _share(right: Sequence[bool], rows: Sequence[int]) -> float:
    return sum(right[n] for n in rows) / len(rows)
