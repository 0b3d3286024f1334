"""The list of commands. A command's module is imported only when it runs."""

import importlib
from typing import Annotated, Any

import typer

from localcollab import __version__
from localcollab.cli.group import CommandGroup
from localcollab.errors import LocalcollabError
from localcollab.terminal.printing import print_line

COMMANDS = {
    "run": ("localcollab.cli.run", "Ask a team one question and stream the answer."),
    "chat": ("localcollab_tui.cli", "Chat in the terminal; shows which model wrote which word."),
    "serve": ("localcollab.cli.serve", "Serve teams to clients of OpenAI's API, on this machine."),
    "docs": ("localcollab.cli.docs", "Manage collections of your own files, and search them."),
    "history": ("localcollab.cli.history", "Find, export and delete stored conversations."),
    "models": ("localcollab.cli.models", "List, add, download and check model files."),
    "teams": ("localcollab.cli.teams", "List teams; check, export and import one."),
    "eval": (
        "localcollab.cli.evaluate",
        "Measure the accuracy of a team and of each member alone.",
    ),
    "tune": ("localcollab.cli.tune", "Say on your questions whether a team is worth it."),
    "bench": ("localcollab.cli.bench", "Measure speed and memory against llama.cpp itself."),
    "rank": ("localcollab.cli.rank", "Rank the candidate answers of each record of a file."),
    "fuse": ("localcollab.cli.fuse", "Fuse the best candidate answers of each record of a file."),
    "worker": (
        "localcollab.cli.worker",
        "Lend this machine's processor to localcollab on another.",
    ),
    "convert": ("localcollab_convert.cli", "Prepare models; train heads, experts and rankers."),
    "doctor": ("localcollab.cli.doctor", "Show what this machine and its llama.cpp can do."),
}
"""Name -> (module with `app`, help)."""
_EXTRAS = {"chat": "tui"}
"""The extra that a command needs, where its name differs from the command's."""


class LazyGroup(CommandGroup):
    """Lists the commands by name and help; imports one when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """For the list of commands: without options."""
        if cmd_name not in COMMANDS:
            return None
        stub = typer.Typer()
        stub.command(cmd_name, help=COMMANDS[cmd_name][1])(lambda: None)
        return typer.main.get_command(stub)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] in COMMANDS:
            command = typer.main.get_command(load(args[0]))
            # Imported here: the list of commands is printed without.
            from localcollab.terminal.status import show_notes

            show_notes()
            return args[0], command, args[1:]
        return super().resolve_command(ctx, args)


def load(command: str) -> typer.Typer:
    """Raises `LocalcollabError` where the extra of a command is not installed."""
    try:
        app: typer.Typer = importlib.import_module(COMMANDS[command][0]).app
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get(command, command)
        raise LocalcollabError(
            f"localcollab {command} needs {error.name}: pip install 'localcollab[{extra}]'"
        ) from error
    return app


app = typer.Typer(
    cls=LazyGroup,
    help="Several small local language models answer as one, offline.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print_line(f"localcollab {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print llama.cpp's log to standard error.")
    ] = False,
) -> None:
    if verbose:
        import logging

        logging.basicConfig(level=logging.DEBUG, format="%(name)s: %(message)s")


UsageError: Any = typer.BadParameter.__mro__[2]
"""click's base of errors that have a message and an exit code; typer exports only some of them."""
