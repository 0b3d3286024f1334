"""The command `localcollab rank`."""

from pathlib import Path
from typing import Annotated

import typer

from localcollab.cli.options import Models, NCtx

app = typer.Typer(
    help="Rank the candidates of each record of a file.",
    rich_markup_mode=None,
    add_completion=False,
)

File = Annotated[Path, typer.Argument(help="JSONL, perhaps .gz: id, instruction, candidates.")]
Ranker = Annotated[
    str,
    typer.Option(
        help="longest, random, vote, likelihood(MODEL, ...), judge(MODEL), pairranker(FOLDER)."
    ),
]
Aggregate = Annotated[
    str, typer.Option("--aggregate", help="max_logits, max_wins or bubble (the best only).")
]
Memory = Annotated[
    float | None, typer.Option("--memory", help="GiB: models that do not fit together go in turn.")
]
Seed = Annotated[int, typer.Option(help="Of the random ranker.")]
Json = Annotated[bool, typer.Option("--json", help="One object a line.")]


@app.command()
def rank(
    file: File,
    ranker: Ranker,
    aggregation: Aggregate = "max_logits",
    budget: Memory = None,
    n_ctx: NCtx = None,
    seed: Seed = 0,
    as_json: Json = False,
    models: Models = None,
) -> None:
    """Order the candidates of each record, best first, by comparing them in pairs.

    A model is a team or a model of the catalogue, or a GGUF file.
    """
    from localcollab.cli.blend_files import Ranks, rank_file
    from localcollab.llama.options import Options

    ranks = Ranks(
        ranker, aggregation, seed, Options(n_ctx=n_ctx), budget_bytes(budget), tuple(models or ())  # type: ignore[arg-type]
    )  # fmt: skip
    rank_file(file, ranks, as_json=as_json)


def budget_bytes(memory: float | None) -> int | None:
    return None if memory is None else int(memory * 2**30)
