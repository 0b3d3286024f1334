"""`localcollab convert inspect`: the facts on stdout."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from localcollab.terminal.status import Status
from localcollab.terminal.visible_text import visible
from localcollab_convert.model.inspect import Inspection, inspect_file


def run(path: Path, *, as_json: bool) -> None:
    """Raises `BadModelFile`."""
    status = Status(sys.stderr)
    try:
        found = inspect_file(path, status.show)
    finally:
        status.clear()
    if as_json:
        print(json.dumps(asdict(found) | {"path": str(path)}, indent=1))
        return
    for line in _lines(found):
        print(visible(line))


def mebibytes(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:.1f} MiB"


def _lines(found: Inspection) -> Iterator[str]:
    yield f"{found.path.name}: {found.architecture}, {_millions(found.n_parameters)} parameters"
    yield f"  file        {mebibytes(found.size_bytes)}"
    yield f"  context     {found.n_ctx_train} tokens, {found.n_layers} layers of {found.n_embd}"
    yield from _vocabulary_lines(found)
    yield from _template_lines(found.chat_template)
    yield "  tensors"
    for name, total in found.tensor_types.items():
        yield f"    {name:8} {total.n_tensors:5}  {mebibytes(total.size_bytes):>12}"
    if found.plans:
        yield "  size as"
    for name, plan in found.plans.items():
        notes = [f"{plan.n_fallbacks} tensors fall back"] if plan.n_fallbacks else []
        notes += ["needs --imatrix"] if plan.needs_imatrix else []
        size, bits = mebibytes(plan.size_bytes), f"{plan.bits_per_weight:.2f} bits"
        yield f"    {name:9} {size:>12}  {bits:>10}  {', '.join(notes)}".rstrip()
    yield "  provenance"
    for key, value in found.provenance.items():
        yield f"    {key} = {' '.join(value.split())[:100]}"


def _vocabulary_lines(found: Inspection) -> Iterator[str]:
    if found.refusal:
        yield f"  unusable    {found.refusal}"
        return
    facts = found.vocabulary
    yield f"  vocabulary  {facts['n_tokens']} tokens ({facts['n_control']} control), {found.tokenizer}"
    yield f"  fingerprint {facts['fingerprint']}"
    begin = ", ".join(facts["bos"]) or "none"
    added = "added" if facts["adds_bos"] else "not added"
    yield f"  begin, end  {begin} ({added}); {', '.join(facts['end']) or 'none'}"


def _template_lines(template: str | None) -> Iterator[str]:
    if template is None:
        yield "  template    none: the text is continued as it stands"
        return
    first = " ".join(template.split())
    yield f"  template    {len(template)} characters: {first[:60]}{'...' if first[60:] else ''}"


def _millions(n: int) -> str:
    return f"{n / 1e9:.2f}B" if n >= 1e9 else f"{n / 1e6:.2f}M"
