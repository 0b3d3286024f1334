"""Rank and fuse candidate answers (LLM-Blender, arXiv:2306.02561) in the plain form."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Unpack

from localcollab.api.answers import AnswerOptions, parse_options
from localcollab.api.load import catalog_of
from localcollab.api.team import Team
from localcollab.blend import fuser as fusing
from localcollab.blend import ranking as comparing
from localcollab.blend.fuser import Fuser
from localcollab.blend.open import reside
from localcollab.blend.rankers import open_ranker
from localcollab.blend.ranking import Aggregation, Compare, Ranking
from localcollab.blend.scoring import likelihood
from localcollab.catalog.ranker_names import parse_ranker
from localcollab.llama.options import Options
from localcollab.progress import OnProgress
from localcollab.teams.opened import OpenTeam


def rank(
    prompt: str,
    candidates: Sequence[str],
    ranker: str | Team | Compare = "longest",
    *,
    authors: Sequence[str] = (),
    aggregation: Aggregation = "max_logits",
    n_ctx: int | None = None,
    n_threads: int | None = None,
    seed: int = 0,
    models: str | Path | Sequence[str | Path] = (),
    on_progress: OnProgress | None = None,
) -> Ranking:
    """Order answers to one prompt by comparing them in pairs; `best` is the index of the best one.

    `ranker`: `longest`, `random`, `vote`, `likelihood(MODEL, ...)`, `judge(MODEL)`,
    `pairranker(FOLDER)`; or a loaded team, which ranks by how likely it finds each answer; or a
    function. Raises `BadOption`, `RankingFailed`, and what loading raises.
    """
    with ExitStack() as stack:
        if isinstance(ranker, Team):
            opened, name = ranker.opened, ranker.name
            compare: Compare = likelihood(lambda _: opened, (name,), ())
        elif isinstance(ranker, str):
            spec = parse_ranker(ranker)
            options = Options(n_ctx=n_ctx, n_threads=n_threads)
            residence = reside(catalog_of(models), spec.models, options, on_progress)
            stack.callback(residence.close)
            compare = open_ranker(spec, residence.open, seed=seed)
        else:
            compare = ranker
        return comparing.rank(prompt, candidates, compare, authors=authors, aggregation=aggregation)


def fuse(
    prompt: str,
    candidates: Sequence[str],
    fuser: Team | str | Path,
    *,
    given: str = "",
    n_ctx: int | None = None,
    n_threads: int | None = None,
    models: str | Path | Sequence[str | Path] = (),
    on_progress: OnProgress | None = None,
    **options: Unpack[AnswerOptions],
) -> str:
    """One answer made of `candidates`, best first; of as many as the fuser's context holds.

    `fuser`: a loaded team, a name of the catalogue, or a GGUF file, also of T5's kind. `given`: the
    input that the instruction `prompt` is about. Raises `ContextFull` where not even two fit.
    """
    sampling, limits = parse_options(options)

    def with_fuser(opened: OpenTeam | Fuser) -> str:
        return fusing.fuse(
            opened, prompt, candidates, given=given, sampling=sampling, limits=limits
        )

    if isinstance(fuser, Team):
        return with_fuser(fuser.opened)
    return _with_resident(
        str(fuser), Options(n_ctx=n_ctx, n_threads=n_threads), models, on_progress, with_fuser
    )


def _with_resident(
    name: str,
    options: Options,
    models: str | Path | Sequence[str | Path],
    on_progress: OnProgress | None,
    use: Callable[[Fuser], str],
) -> str:
    residence = reside(catalog_of(models), (name,), options, on_progress)
    try:
        return use(residence.open_fuser(name))
    finally:
        residence.close()
