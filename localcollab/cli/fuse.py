"""`localcollab fuse`: one fused answer per record of a file."""

import sys
from typing import Annotated

import typer

from localcollab.blend.files import fuse_file
from localcollab.blend.fuser import Fused
from localcollab.blend.mixinstruct import Record
from localcollab.blend.request import FuseRequest, RankRequest
from localcollab.catalog.methods import TOP_K
from localcollab.cli.options import JsonLines, Memory, Models, NCtx, in_bytes
from localcollab.cli.rank import Aggregate, File, Ranker, Seed, note_empty, print_result
from localcollab.decoding.answer_text import Limits
from localcollab.llama.options import Options
from localcollab.terminal.status import Status, notes_shown

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def fuse(
    file: File,
    fuser: Annotated[
        str,
        typer.Option(
            help="The model that writes the answer: a team or model of the catalogue, or a GGUF file; T5 "
            "models work too."
        ),
    ],
    ranker: Ranker = "longest",
    aggregation: Aggregate = "max_logits",
    top_k: Annotated[int, typer.Option(help="Number of candidates that the fuser reads.")] = TOP_K,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Keep the best candidate if it outranks the fused answer."),
    ] = False,
    max_tokens: Annotated[
        int | None, typer.Option(help="Maximum number of tokens to generate per answer.")
    ] = None,
    budget: Memory = None,
    n_ctx: NCtx = None,
    seed: Seed = 0,
    as_json: JsonLines = False,
    models: Models = None,
) -> None:
    """Let a model read the best candidates of each record and write one answer.

    Where the context is too small for two candidates, the best candidate is the answer.
    """
    ranks = RankRequest(
        file, ranker, aggregation, seed, Options(n_ctx=n_ctx), in_bytes(budget),  # type: ignore[arg-type]
        tuple(models or ()),
    )  # fmt: skip
    request = FuseRequest(ranks, fuser, top_k, verify, Limits(max_tokens))
    print_fused(request, as_json=as_json)


def print_fused(request: FuseRequest, *, as_json: bool) -> None:
    status, empty = Status(sys.stderr), list[bool]()
    with notes_shown(status):
        for record, fused in fuse_file(request, status.show):
            empty.append(fused is None)
            print_result(fused_record(record, fused) if as_json else fused_text(record, fused))
    status.clear()
    note_empty(empty, status)


def fused_record(record: Record, fused: Fused | None) -> dict[str, object]:
    """`n_fused` 0: `output` is a candidate itself, or there was none."""
    if fused is None:
        return {"id": record.id, "output": None, "n_fused": 0, "why": "no candidate"}
    return {
        "id": record.id,
        "output": fused.text,
        "n_fused": fused.n_candidates,
        "why": fused.why,
    }


def fused_text(record: Record, fused: Fused | None) -> str:
    if fused is None:
        return f"== {record.id} (no candidate)\n"
    how = f"fused from {fused.n_candidates}" if fused.n_candidates else "not fused"
    why = f": {fused.why}" if fused.why else ""
    return f"== {record.id} ({how}{why})\n{fused.text}"
