"""Binds a head to quantized files of its own models, with the threshold adjusted.

A head reads only the base's hidden states, so it needs no new training where `verify` finds the same
decisions on the quantized base. Whether the experts are the same models, quantized, is not checked.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from localcollab.errors import BadOption
from localcollab.llama.probe import file_sha256
from localcollab.methods.heads import Head, load_head, save_head
from localcollab_convert.verify.request import Verification


def bind(head: Head, base: str, experts: Sequence[str], threshold: float) -> Head:
    """To these files, by sha256; `experts` in the head's order. Metrics of the old files are dropped.
    Raises `BadOption`."""
    if len(experts) != head.n_experts:
        raise BadOption(
            f"the head has {head.n_experts} experts, {len(experts)} are given: give `experts` for each, "
            "in the team's order, or for none if they are unchanged"
        )
    metadata = replace(
        head.metadata,
        base_sha256=base,
        expert_sha256s=tuple(experts),
        threshold=threshold,
        metrics={},
    )
    return replace(head, metadata=metadata)


def write_bound(found: Verification, head: Path, experts: Sequence[Path], out: Path) -> None:
    """`experts` empty: unchanged. Raises `BadOption`, `BadModelFile`, `HeadMismatch`."""
    assert found.head is not None
    if not found.tokenizer.is_equal:
        raise BadOption(
            f"{out}: not written, because the tokenizers differ: convert the base again"
        )
    old = load_head(head)
    sha256s = [file_sha256(path) for path in experts] or old.metadata.expert_sha256s
    save_head(bind(old, file_sha256(found.path), sha256s, found.head.recalibrated), out)
