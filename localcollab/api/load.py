"""Names and files -> an open `Team`. What may stand where a model is wanted is said here, once."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from localcollab.api.sources import BlendSource, Method, TokenSource
from localcollab.api.team import Team
from localcollab.blend.open import open_blend
from localcollab.catalog import Blend, Catalog, load_catalog
from localcollab.errors import BadOption
from localcollab.llama.options import Options
from localcollab.progress import OnProgress
from localcollab.teams.choice import TeamChoice
from localcollab.teams.names import Names
from localcollab.teams.plan import BASE


def load(
    name: str | Path | None = None,
    *,
    experts: str | Path | Sequence[str | Path] = (),
    head: str | Path | None = None,
    gate: str | None = None,
    threshold: float | None = None,
    compose: bool = False,
    own_prompt: bool = False,
    method: Method | None = None,
    adapter: str | Path | None = None,
    draft: str | Path | None = None,
    speculation: bool | None = None,
    n_ctx: int | None = None,
    n_threads: int | None = None,
    n_gpu_layers: int | None = None,
    seed: int = 0,
    models: str | Path | Sequence[str | Path] = (),
    on_progress: OnProgress | None = None,
) -> Team:
    """Load a team: a team or a model of the catalogue, or a GGUF file, perhaps with `experts`.

    `name` None is the team that ships. A `Path`, and a string that ends in `.gguf` or holds a path
    separator, is a file; any other string is a name of the catalogue (`models` adds more models.toml
    files), a team's before a model's; with `experts` it is a model's. `experts` and `draft` are files
    or models, `head` is a file or a head of the catalogue; without a head or a `gate` the entropy gate
    decides. `own_prompt`: experts are given the conversation in their own chat templates. `adapter`
    is a LoRA of the base. `method` builds a model of your own from the members.
    `speculation` False: no tokens are proposed, even where that is faster.

    Raises `BadOption`, `BadCatalog`, `BadModelFile`, `VocabularyMismatch`, `HeadMismatch`, ...
    """
    plan = TeamChoice(
        team=name, experts=_several(experts), head=head, gate=gate, threshold=threshold,
        compose=compose, seed=seed, draft=draft, adapter=adapter, speculation=speculation,
        own_prompt=own_prompt,
        catalogs=tuple(map(_path, _several(models))),
    ).plan()  # fmt: skip
    options = Options(n_ctx=n_ctx, n_threads=n_threads, n_gpu_layers=n_gpu_layers)
    if isinstance(plan.method, Blend):
        if method is not None:
            raise BadOption(
                f"{plan.name} is a blend, which has no members to build on: leave method out"
            )
        recipe, residence = open_blend(plan, options, on_progress)
        return Team(BlendSource(plan, recipe, residence))
    return Team(TokenSource(plan, options, method=method, on_progress=on_progress))


def catalog_of(models: str | Path | Iterable[str | Path] = ()) -> Catalog:
    """The shipped catalogue, the user's, and `models`. Raises `BadCatalog`."""
    return load_catalog(*map(_path, _several(models)))


def find_model(name: str | Path, models: str | Path | Iterable[str | Path] = ()) -> Path:
    """The file of a model. Raises `BadCatalog`, and `BadOption` for one that is not installed."""
    return Names(catalog_of(models)).member(name, BASE).path


def _path(given: str | Path) -> Path:
    return Path(os.path.expanduser(given))


def _several(given: str | Path | Iterable[str | Path]) -> tuple[str | Path, ...]:
    """One is as good as a list of one."""
    return (given,) if isinstance(given, (str, Path)) else tuple(given)
