"""A verification as lines of text."""

from collections.abc import Iterator

from localcollab_convert.verify.divergence import Summary
from localcollab_convert.verify.parity import Parity
from localcollab_convert.verify.request import HeadAgreement, Verification

_N_SHOWN = 5


def report(result: Verification) -> Iterator[str]:
    yield f"{result.path.name} against {result.against.name}"
    yield from _parity_lines(result.tokenizer)
    if result.total is None:
        yield "  predictions  not compared: not a decoder-only model"
        return
    assert result.largest_difference is not None
    yield f"  {'position':12} {'tokens':>6}  {'KL, nats':>10}  {'same top-1':>10}  {'perplexity':>10}"
    for name, summary in (*result.positions.items(), ("all", result.total)):
        yield _summary_line(name, summary)
    yield f"  largest difference of two logits: {100 * result.largest_difference:.2g} % of the largest"
    if result.head:
        yield from _head_lines(result.head)


def _parity_lines(parity: Parity) -> Iterator[str]:
    checked = f"{parity.n_texts} texts, {parity.n_special} with special tokens"
    if parity.is_equal:
        yield f"  tokenizer    equal: {checked}, {parity.n_templates} chats"
        return
    yield f"  tokenizer    {len(parity.differences)} differences ({checked}, {parity.n_templates} chats)"
    for difference in parity.differences[:_N_SHOWN]:
        yield f"    {difference.what}: {difference.ours[:100]}, original {difference.theirs[:100]}"


def _summary_line(name: str, summary: Summary) -> str:
    change = 100 * (summary.perplexity / summary.perplexity_original - 1)
    return (
        f"  {name:12} {summary.n_tokens:6}  {summary.kl:10.3g}  {100 * summary.agreement:8.2f} %  "
        f"{summary.perplexity:10.5g} ({change:+.2f} %)"
    )


def _head_lines(head: HeadAgreement) -> Iterator[str]:
    yield (
        f"  head         {100 * head.agreement:.2f} % same decisions at threshold {head.threshold:g}; "
        f"defers {100 * head.deferral_rate:.1f} %, the original {100 * head.deferral_rate_original:.1f} %"
    )
    yield (
        f"               {100 * head.agreement_recalibrated:.2f} % at threshold {head.recalibrated:.6g}, "
        "at equal deferral rate"
    )
