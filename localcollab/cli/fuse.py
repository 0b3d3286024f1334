"""The command `localcollab fuse`."""

from typing import Annotated

import typer

from localcollab.catalog.methods import TOP_K
from localcollab.cli.options import Models, NCtx
from localcollab.cli.rank import (
    Aggregate,
    File,
    Json,
    Memory,
    Ranker,
    Seed,
    budget_bytes,
)

app = typer.Typer(
    help="Fuse the best candidates of each record of a file.",
    rich_markup_mode=None,
    add_completion=False,
)


@app.command()
def fuse(
    file: File,
    fuser: Annotated[
        str, typer.Option(help="Who writes the answer: a name, or a GGUF file (also of T5's kind).")
    ],
    ranker: Ranker = "longest",
    aggregation: Aggregate = "max_logits",
    top_k: Annotated[int, typer.Option(help="Candidates that the fuser reads.")] = TOP_K,
    verify: Annotated[
        bool, typer.Option("--verify", help="Keep the best candidate where it ranks higher.")
    ] = False,
    max_tokens: Annotated[int | None, typer.Option(help="End an answer here.")] = None,
    budget: Memory = None,
    n_ctx: NCtx = None,
    seed: Seed = 0,
    as_json: Json = False,
    models: Models = None,
) -> None:
    """Let a model read the best candidates of each record and write one answer.

    What bounds an answer is the context; where two candidates do not fit, the best one stays.
    """
    from localcollab.cli.blend_files import Fuses, Ranks, fuse_file
    from localcollab.llama.options import Options

    ranks = Ranks(
        ranker, aggregation, seed, Options(n_ctx=n_ctx), budget_bytes(budget), tuple(models or ())  # type: ignore[arg-type]
    )  # fmt: skip
    fuse_file(file, ranks, Fuses(fuser, top_k, verify, max_tokens), as_json=as_json)
