"""The options of `localcollab convert calm`: thin; torch is imported when the command runs."""

from pathlib import Path
from typing import Annotated

import typer

from localcollab.cli.options import Json, Models, NCtx, Threads
from localcollab_convert.options import Data, Valid, Work
from localcollab_convert.staging.interrupted import resumable


def calm(
    anchor: Annotated[
        str, typer.Option(help="The model that answers: a GGUF file, or a model's name.")
    ],
    augmenting: Annotated[
        list[str], typer.Option(help="A model it looks into; may be repeated, in this order.")
    ],
    data: Data,
    out: Annotated[Path, typer.Option(help="The bridge file to write: BRIDGE.safetensors.")],
    valid: Valid = None,
    models: Models = None,
    work: Work = None,
    pairs: Annotated[
        int | None, typer.Option(help="Layer pairs; default: one for every 4th layer, at least 3.")
    ] = None,
    layers: Annotated[
        str | None, typer.Option(help="Which pairs, AUGMENTING:ANCHOR from 0: 0:0,1:2.")
    ] = None,
    inner: Annotated[int, typer.Option(help="Width of keys and values, of all heads.")] = 256,
    heads: Annotated[int, typer.Option(help="Of each pair's attention.")] = 4,
    steps: Annotated[int, typer.Option(help="At most; validation may end it earlier.")] = 1000,
    batch: Annotated[int, typer.Option(help="Examples a step.")] = 32,
    learning_rate: Annotated[float, typer.Option(help="Its highest value.")] = 2e-3,
    seed: Annotated[int, typer.Option(help="Of training, the split and the sample.")] = 0,
    half: Annotated[bool, typer.Option("--half", help="Write float16: half the size.")] = False,
    measure_on: Annotated[
        int, typer.Option(help="At most so many validation answers before and after.")
    ] = 100,
    force: Annotated[
        bool, typer.Option("--force", help="Write a bridge that gains nothing, too.")
    ] = False,
    n_ctx: NCtx = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Train a bridge: cross-attention from one model's layers to others' (CALM).

    All models stay as they are. Can be stopped at any time: the same command goes on where it was.
    """
    from localcollab_convert.calm import command
    from localcollab_convert.calm.request import Recipe

    recipe = Recipe(
        n_inner=inner, n_heads=heads, seed=seed, n_steps=steps, batch=batch,
        learning_rate=learning_rate,
    )  # fmt: skip
    choice = command.ModelChoice(anchor, tuple(augmenting), tuple(models or ()))
    request = command.request(
        choice, recipe, data=data, valid=valid, out=out, work=work, n_pairs=pairs, layers=layers,
        half=half, measure_on=measure_on, force=force, n_ctx=n_ctx, n_threads=threads,
    )  # fmt: skip
    with resumable():
        command.run(request, as_json=as_json)
