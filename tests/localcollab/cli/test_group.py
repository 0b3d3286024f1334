"""Errors of the library name parameters; the command line names its options in their place."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pytest
import typer

from localcollab.cli import commands
from localcollab.cli.group import CommandGroup
from localcollab.errors import PARAMETER, BadOption

RUNTIME = Path(__file__).parents[3] / "localcollab"
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


OTHER_PROGRAMS = "llama-gguf-split --merge"


def messages() -> Iterator[tuple[str, str]]:
    """Where, and every text in a `raise` of the runtime. Not the server's: what it refuses is read by
    who asks it, names fields of requests, and is mended by who starts it."""
    for path in sorted({*RUNTIME.rglob("*.py")} - {*(RUNTIME / "server").rglob("*.py")}):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise):
                texts = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
                where = f"{path.relative_to(RUNTIME)}:{node.lineno}"
                yield where, "".join(text for text in texts if isinstance(text, str))


def parameters() -> set[str]:
    """Those of every command."""
    groups = [commands.load(name) for name in commands.COMMANDS if name != "convert"]
    waiting = [typer.main.get_command(group) for group in groups]
    found = set[str]()
    while waiting:
        command = waiting.pop()
        waiting += getattr(command, "commands", {}).values()
        found |= {str(each.name) for each in command.params}
    return found


def test_no_message_names_an_option_of_the_command_line() -> None:
    named = [found for found in messages() if re.search(r"(^|[^\w-])--[a-z]", found[1])]
    assert [found for found in named if OTHER_PROGRAMS not in found[1]] == []


def test_every_parameter_that_a_message_names_has_an_option() -> None:
    of_functions = "n n_batch window logit_bias pattern root gen_kwargs grammar json_schema ray"
    known = parameters() | set(of_functions.split())
    named = [(where, name) for where, text in messages() for name in PARAMETER.findall(text)]
    assert len(named) > 50
    assert [found for found in named if found[1] not in known] == []


def test_an_error_knows_its_parameter() -> None:
    assert BadOption("`top_p` is 2: give less").parameter == "top_p"
    assert BadOption("the question is empty").parameter is None
