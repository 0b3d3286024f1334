"""Errors of the library name parameters; the command line names its options in their place."""

from pathlib import Path
from typing import Annotated

import pytest
import typer

from localcollab.cli.group import CommandGroup
from localcollab.errors import BadOption

app = typer.Typer(cls=CommandGroup)


@app.command()
def train(
    source: Path,
    n_steps: Annotated[int, typer.Option("--steps", "-n")] = 1,
    n_ctx: int | None = None,
    verify: Annotated[bool, typer.Option("--verify/--no-verify")] = True,
) -> None:
    raise BadOption(
        "`n_steps` is 0: give `n_ctx`, `verify`, `source` or `other`, not n_ctx or --n-ctx"
    )


@app.command()
def other() -> None:
    """A group of one command is that command."""


def test_each_parameter_in_backticks_becomes_the_option_that_sets_it() -> None:
    with pytest.raises(BadOption) as caught:
        app(["train", "file"], standalone_mode=False)
    assert str(caught.value) == (
        "--steps is 0: give --n-ctx, --verify, SOURCE or `other`, not n_ctx or --n-ctx"
    )
