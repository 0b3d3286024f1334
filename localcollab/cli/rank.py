"""`localcollab rank`: one ranking per record of a file."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from localcollab.blend.files import rank_file
from localcollab.blend.format import order_text
from localcollab.blend.mixinstruct import Record
from localcollab.blend.ranking import Ranking
from localcollab.blend.request import RankRequest
from localcollab.cli.options import JsonLines, Memory, Models, NCtx, in_bytes
from localcollab.llama.options import Options
from localcollab.terminal.printing import print_json, print_text
from localcollab.terminal.status import Status, notes_shown

app = typer.Typer(rich_markup_mode=None, add_completion=False)

File = Annotated[
    Path, typer.Argument(help="JSONL file (or .jsonl.gz) of id, instruction, candidates.")
]
Ranker = Annotated[
    str,
    typer.Option(
        help="longest, random, vote, likelihood(MODEL, ...), judge(MODEL) or pairranker(FOLDER)."
    ),
]
Aggregate = Annotated[
    str,
    typer.Option(
        "--aggregate", help="max_logits, max_wins, or bubble (finds only the best candidate)."
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of the random ranker.")]


@app.command()
def rank(
    file: File,
    ranker: Ranker,
    aggregation: Aggregate = "max_logits",
    budget: Memory = None,
    n_ctx: NCtx = None,
    seed: Seed = 0,
    as_json: JsonLines = False,
    models: Models = None,
) -> None:
    """Rank the candidate answers of each record by comparing them in pairs, best first.

    MODEL is a team or model of the catalogue, or a GGUF file.
    """
    request = RankRequest(
        file, ranker, aggregation, seed, Options(n_ctx=n_ctx), in_bytes(budget),  # type: ignore[arg-type]
        tuple(models or ()),
    )  # fmt: skip
    print_rankings(request, as_json=as_json)


def print_rankings(request: RankRequest, *, as_json: bool) -> None:
    status, empty = Status(sys.stderr), list[bool]()
    with notes_shown(status):
        for record, ranking in rank_file(request, status.show):
            empty.append(ranking is None)
            print_result(
                ranking_record(record, ranking) if as_json else ranking_line(record, ranking)
            )
    status.clear()
    note_empty(empty, status)


def print_result(result: dict[str, object] | str) -> None:
    """One record, as JSON or as text."""
    if isinstance(result, str):
        print_text(result, flush=True)
    else:
        print_json(result, indent=None, flush=True)


def note_empty(empty: Sequence[bool], status: Status) -> None:
    if any(empty):
        status.note(f"{sum(empty)} of {len(empty)} records have no candidate")


def ranking_record(record: Record, ranking: Ranking | None) -> dict[str, object]:
    """`best` is the number of a candidate, the first being 1."""
    found: dict[str, object] = {"id": record.id, "models": [c.model for c in record.candidates]}
    if ranking is None:
        return found | {"ranks": [], "best": None, "logits": []}
    # Bubble says nothing of the others.
    known = {1} if ranking.aggregation == "bubble" else set(ranking.ranks)
    ranks = [rank if rank in known else None for rank in ranking.ranks]
    places = list(ranking.contest.places)
    rows = ranking.logits[np.ix_(places, places)].tolist()
    logits = [[None if np.isnan(value) else value for value in row] for row in rows]
    return found | {"ranks": ranks, "best": ranking.best + 1, "logits": logits}


def ranking_line(record: Record, ranking: Ranking | None) -> str:
    if ranking is None:
        return f"{record.id}: no candidate"
    names = [given.model or str(n) for n, given in enumerate(record.candidates, 1)]
    if ranking.aggregation == "bubble":
        return f"{record.id}: {names[ranking.best]} is the best"
    return f"{record.id}: {order_text(ranking.ranks, names)}"
