"""`localcollab convert expert`: progress on stderr, the result on stdout, a team in the catalogue."""

import json
import math
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from localcollab.catalog import load_catalog
from localcollab.documents.collection import open_collection
from localcollab.errors import BadOption
from localcollab.models.store import check_name
from localcollab.terminal.status import Status
from localcollab_convert.expert.entry import enter_team
from localcollab_convert.expert.make import ExpertMaker
from localcollab_convert.expert.request import Like, Made, Request
from localcollab_convert.expert.texts import read_texts


def run(
    docs: str,
    *,
    base: str | None,
    name: str | None,
    out: Path | None,
    size: str,
    minutes: float,
    n_steps: int | None,
    like: str | None,
    place: str | None,
    seed: int,
    catalogs: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Raises what the stages raise."""
    if (like is None) != (place is None):
        raise BadOption("--like and --place belong together: the team, and whose place is taken")
    catalog = load_catalog(*catalogs)
    if base is None:
        if like is None:
            raise BadOption("--base is missing: name the model that the expert stands beside")
        base = catalog.team(like).require_deferral().base
    name = check_name(name or docs)
    if name in catalog.teams and not (out or Path(name)).is_dir():
        raise BadOption(f"a team named {name!r} is there already: give another --name")
    with open_collection(docs) as collection:
        texts = read_texts(collection)
    request = Request(
        name=name, base=base, texts=tuple(texts), out=(out or Path(name)).resolve(),
        catalog=catalog, minutes=minutes, n_steps=n_steps, size=size,
        like=Like(like, place) if like and place else None, seed=seed,
    )  # fmt: skip
    status = Status(sys.stderr)
    try:
        made = ExpertMaker(request, status.show, status.note).make()
    finally:
        status.clear()
    _enter(request, made)
    print(json.dumps(_record(made), indent=1) if as_json else "\n".join(_lines(request, made)))


def _enter(request: Request, made: Made) -> None:
    name, like = request.name, request.like
    experts: tuple[str, ...] = (name,)
    familiar = {name: made.familiar} if made.familiar else {}
    if like:
        old = request.catalog.team(like.team).require_deferral()
        experts = tuple(name if expert == like.place else expert for expert in old.experts)
        familiar |= {key: value for key, value in old.familiar.items() if key in experts}
    about = f"{made.n_texts} texts of private documents"
    enter_team(
        name, base=request.base, experts=experts, expert=made.expert, head=made.head, about=about,
        familiar=familiar,
    )  # fmt: skip


def _record(made: Made) -> dict[str, object]:
    record = asdict(made)
    record |= {"expert": str(made.expert), "head": str(made.head)}
    record["perplexity"] = [None if math.isnan(p) else p for p in made.perplexity]
    return record


def _lines(request: Request, made: Made) -> Iterator[str]:
    yield f"{made.expert}: {made.n_texts} texts, {made.n_steps} steps, {made.seconds / 60:.1f} min"
    before, after = made.perplexity
    if not math.isnan(after):
        yield f"perplexity of held-out texts: {before:.1f} before, {after:.2f} after"
    yield f"perplexity of the texts themselves: {made.recalled:.2f}"
    yield "nats a token of the answers to questions made from the texts:"
    for name, value in made.nll.items():
        yield f"  {name:12} {value:.4f}"
    yield f'the team is ready: localcollab run --team {request.name} "..."'
