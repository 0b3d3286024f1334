"""`localcollab convert verify`: what was found on stdout. Exit code 1 where tokenizers differ."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from localcollab.errors import BadOption
from localcollab.terminal.status import Status
from localcollab.terminal.visible_text import visible
from localcollab_convert.verify.divergence import Summary
from localcollab_convert.verify.parity import Parity
from localcollab_convert.verify.rebind import write_bound
from localcollab_convert.verify.verify import Asked, HeadAgreement, Verification, verify

_N_SHOWN = 5


def run(
    path: Path,
    against: Path,
    asked: Asked,
    *,
    new_head: Path | None,
    experts: Sequence[Path],
    as_json: bool,
) -> int:
    """The exit code. Raises what `verify` and `write_bound` raise, and `BadOption`."""
    if new_head and not asked.head:
        raise BadOption(f"--write-head {new_head}: needs the head to start from: add --head FILE")
    if experts and not new_head:
        raise BadOption("--expert is for --write-head: add that, or leave it out")
    status = Status(sys.stderr)
    try:
        found = verify(path, against, asked, status.show)
    finally:
        status.clear()
    if as_json:
        print(json.dumps(record(found), indent=1))
    else:
        for line in lines(found):
            print(visible(line))
    if new_head and asked.head:
        write_bound(found, asked.head, experts, new_head)
        status.note(f"wrote {new_head}: for {path.name}")
    return 0 if found.tokenizer.is_equal else 1


def record(found: Verification) -> dict[str, Any]:
    return asdict(found) | {"path": str(found.path), "against": str(found.against)}


def lines(found: Verification) -> Iterator[str]:
    yield f"{found.path.name} against {found.against.name}"
    yield from _parity_lines(found.tokenizer)
    if found.total is None:
        yield "  predictions  not compared: no decoder-only model"
        return
    assert found.largest_difference is not None
    yield f"  {'position':12} {'tokens':>6}  {'KL, nats':>10}  {'same top-1':>10}  {'perplexity':>10}"
    for name, summary in (*found.positions.items(), ("all", found.total)):
        yield _summary_line(name, summary)
    yield f"  largest difference of two logits: {100 * found.largest_difference:.2g} % of the largest"
    if found.head:
        yield from _head_lines(found.head)


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
        "where it defers as often"
    )
