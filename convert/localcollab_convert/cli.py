"""`localcollab convert`: registers the commands; each room has its own `cli.py`."""

from typing import Any

import typer

from localcollab.cli.group import CommandGroup
from localcollab.errors import LocalcollabError
from localcollab_convert.calm.cli import calm
from localcollab_convert.expert.cli import expert
from localcollab_convert.head.cli import head
from localcollab_convert.imatrix.cli import imatrix
from localcollab_convert.inspect.cli import inspect
from localcollab_convert.lora.cli import lora
from localcollab_convert.mixture.cli import mixture
from localcollab_convert.model.cli import model
from localcollab_convert.ranker.cli import ranker
from localcollab_convert.verify.cli import verify


class _Group(CommandGroup):
    def invoke(self, ctx: Any) -> Any:
        """Packages of the extra are imported when a command runs: a missing one is one line."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if package.startswith("localcollab"):
                raise
            raise LocalcollabError(
                f"localcollab convert needs {package}: pip install 'localcollab[convert]'"
            ) from error


app = typer.Typer(
    cls=_Group, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False,
    add_completion=False,  # that of the whole command line: localcollab --install-completion
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip


@app.callback()
def _root() -> None:
    """Prepare models and train heads."""


for command in (calm, expert, head, imatrix, inspect, lora, mixture, model, ranker, verify):
    app.command()(command)
