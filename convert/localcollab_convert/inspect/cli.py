"""`localcollab convert inspect`: prints the contents of a GGUF file."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from localcollab.cli.options import Json
from localcollab_convert.output import mebibytes, print_result, progress

if TYPE_CHECKING:
    from localcollab_convert.inspect.inspect import Inspection


def inspect(
    file: Annotated[Path, typer.Argument(help="A GGUF file.")],
    as_json: Json = False,
) -> None:
    """Show the contents of a GGUF file, and its size under every quantization."""
    from localcollab_convert.inspect.inspect import inspect_file

    with progress() as status:
        result = inspect_file(file, status.show)
    print_result(asdict(result), _lines(result), as_json=as_json)


def _lines(result: "Inspection") -> Iterator[str]:
    yield f"{result.path.name}: {result.architecture}, {_millions(result.n_parameters)} parameters"
    yield f"  file        {mebibytes(result.size_bytes)}"
    yield f"  context     {result.n_ctx_train} tokens, {result.n_layers} layers of {result.n_embd}"
    yield from _vocabulary_lines(result)
    yield from _template_lines(result.chat_template)
    yield "  tensors"
    for name, total in result.tensor_types.items():
        yield f"    {name:8} {total.n_tensors:5}  {mebibytes(total.size_bytes):>12}"
    if result.plans:
        yield "  size as"
    for name, plan in result.plans.items():
        notes = [f"{plan.n_fallbacks} tensors fall back"] if plan.n_fallbacks else []
        notes += ["needs --imatrix"] if plan.needs_imatrix else []
        size, bits = mebibytes(plan.size_bytes), f"{plan.bits_per_weight:.2f} bits"
        yield f"    {name:9} {size:>12}  {bits:>10}  {', '.join(notes)}".rstrip()
    yield "  provenance"
    for key, value in result.provenance.items():
        yield f"    {key} = {' '.join(value.split())[:100]}"


def _vocabulary_lines(result: "Inspection") -> Iterator[str]:
    if result.refusal:
        yield f"  unusable    {result.refusal}"
        return
    vocabulary = result.vocabulary
    n_tokens, n_control = vocabulary["n_tokens"], vocabulary["n_control"]
    yield f"  vocabulary  {n_tokens} tokens ({n_control} control), {result.tokenizer}"
    yield f"  fingerprint {vocabulary['fingerprint']}"
    begin = ", ".join(vocabulary["bos"]) or "none"
    added = "added" if vocabulary["adds_bos"] else "not added"
    yield f"  begin, end  {begin} ({added}); {', '.join(vocabulary['end']) or 'none'}"


def _template_lines(template: str | None) -> Iterator[str]:
    if template is None:
        yield "  template    none: text is continued without one"
        return
    first = " ".join(template.split())
    yield f"  template    {len(template)} characters: {first[:60]}{'...' if first[60:] else ''}"


def _millions(n: int) -> str:
    return f"{n / 1e9:.2f}B" if n >= 1e9 else f"{n / 1e6:.2f}M"
