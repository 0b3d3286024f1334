"""The command line: thin. A command's module is imported only when it runs."""

import importlib
import os
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from localcollab import __version__
from localcollab.cli import evaluate as measuring_cli
from localcollab.cli.group import CommandGroup
from localcollab.cli.options import (
    Base,
    Experts,
    Json,
    JsonEvents,
    KvType,
    Models,
    NCtx,
    Team,
    Threads,
)
from localcollab.errors import LocalcollabError

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130

_PLUGINS = {
    "chat": ("localcollab_tui.cli", "Chat in the terminal, and see who wrote which word."),
    "convert": ("localcollab_convert.cli", "Prepare models and train heads."),
    "docs": ("localcollab.cli.docs", "Keep collections of your own files, and search them."),
    "fuse": ("localcollab.cli.fuse", "Fuse the best candidates of each record of a file."),
    "history": ("localcollab.cli.history", "Find, export and delete stored conversations."),
    "models": ("localcollab.cli.models", "Keep, fetch and check model files."),
    "rank": ("localcollab.cli.rank", "Rank the candidates of each record of a file."),
    "teams": ("localcollab.cli.teams", "List teams; check, export and import one."),
}
"""Command groups with a module of their own: name -> (module with `app`, help)."""
_EXTRAS = {"chat": "tui"}
"""Where the extra that a plug-in needs has another name than its command."""


class LazyGroup(CommandGroup):
    """Knows the plug-in groups by name and help; loads one when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *_PLUGINS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _PLUGINS:
            return super().get_command(ctx, cmd_name)
        module, about = _PLUGINS[cmd_name]
        if cmd_name not in sys.argv[1:3]:  # the list of commands needs no more than this
            return typer.main.get_command(_stub(cmd_name, about))
        return typer.main.get_command(_load(cmd_name, module))


def _stub(name: str, about: str) -> typer.Typer:
    app = typer.Typer(help=about)
    app.command(name, help=about)(lambda: None)
    return app


def _load(name: str, module: str) -> typer.Typer:
    try:
        app: typer.Typer = importlib.import_module(module).app
    except ModuleNotFoundError as error:
        raise LocalcollabError(
            f"localcollab {name} needs {error.name}: pip install 'localcollab[{_EXTRAS.get(name, name)}]'"
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
        print(f"localcollab {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="llama.cpp's log on stderr.")
    ] = False,
) -> None:
    if verbose:
        import logging

        logging.basicConfig(level=logging.DEBUG, format="%(name)s: %(message)s")


@app.command()
def run(
    question: Annotated[
        str | None, typer.Argument(help="The question; without it, or with -, standard input.")
    ] = None,
    team: Team = None,
    base: Base = None,
    experts: Experts = None,
    head: Annotated[Path | None, typer.Option(help="A trained head for these files.")] = None,
    draft: Annotated[
        Path | None,
        typer.Option(help="A small GGUF file that proposes tokens: the same text, faster."),
    ] = None,
    gate: Annotated[
        str | None,
        typer.Option(help="Who decides, untrained: entropy, margin, always, never, random(RATE)."),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Defer where p_defer is above this, 0 to 1.")
    ] = None,
    compose: Annotated[bool, typer.Option("--compose", help="Mix all members' words.")] = False,
    docs: Annotated[str | None, typer.Option(help="Answer from this collection.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Only what the docs support.")] = False,
    docs_as: Annotated[str | None, typer.Option(help="Send them as prompt, or quotes.")] = None,
    system: Annotated[str | None, typer.Option(help="The system prompt.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="End the answer here.")] = None,
    stop: Annotated[
        list[str] | None, typer.Option(help="End the answer before this text; may be repeated.")
    ] = None,
    temperature: Annotated[float, typer.Option(help="0: the likeliest token, always.")] = 0.0,
    top_k: Annotated[int, typer.Option(help="Only the k likeliest; 0: all.")] = 0,
    top_p: Annotated[float, typer.Option(help="Only the likeliest of this probability.")] = 1.0,
    min_p: Annotated[float, typer.Option(help="Only with this share of the likeliest.")] = 0.0,
    repeat_penalty: Annotated[float, typer.Option(help="Above 1: repeat less.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of sampling and of the random gate.")] = 0,
    n_ctx: NCtx = None,
    n_threads: Threads = None,
    n_gpu_layers: Annotated[
        int | None, typer.Option("--gpu-layers", help="Default: all, where supported.")
    ] = None,
    kv_type: KvType = "f16",
    flash_attention: Annotated[str, typer.Option(help="auto, on or off.")] = "auto",
    load_mode: Annotated[str, typer.Option(help="auto, mmap, read or mlock.")] = "auto",
    budget: Annotated[
        float | None,
        typer.Option(
            "--memory",
            help="GiB that a blend may take: members that do not fit together go in turn.",
        ),
    ] = None,
    marks: Annotated[
        bool | None,
        typer.Option("--marks/--no-marks", help="Mark who wrote what; default: on a terminal."),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Afterwards: what the base alone would hardly have said."),
    ] = False,
    json_events: JsonEvents = False,
    models: Models = None,
) -> None:
    """Ask a team one question and stream the answer.

    Colours and marks show who wrote what; underlined: nobody was confident.
    """
    from localcollab.cli import run as command
    from localcollab.decoding.answer_text import Limits
    from localcollab.decoding.sampling import Sampling
    from localcollab.llama.options import Options
    from localcollab.teams.choice import TeamChoice

    options = Options(
        n_ctx=n_ctx,
        n_threads=n_threads,
        n_gpu_layers=n_gpu_layers,
        kv_type=kv_type,  # type: ignore[arg-type]  # Options checks it
        flash_attention=flash_attention,  # type: ignore[arg-type]
        load_mode=load_mode,  # type: ignore[arg-type]
    )
    choice = TeamChoice(
        team=team, base=base, experts=tuple(experts or ()), head=head, gate=gate,
        threshold=threshold, compose=compose, seed=seed, draft=draft,
        catalogs=tuple(models or ()),
    )  # fmt: skip
    command.run(
        question,
        choice,
        options,
        system=system,
        sampling=Sampling(temperature, top_k, top_p, min_p, repeat_penalty, seed=seed),
        limits=Limits(max_tokens, tuple(stop or ())),
        marks=marks,
        json_events=json_events,
        docs=command.docs_choice(docs, strict=strict, way=docs_as),
        budget=None if budget is None else int(budget * 2**30),
        explains=explain,
    )


app.command("eval")(measuring_cli.evaluate)
app.command()(measuring_cli.bench)


@app.command()
def doctor(
    file: Annotated[list[Path] | None, typer.Argument(help="GGUF files to check now.")] = None,
    as_json: Json = False,
) -> None:
    """Show what this machine and its llama.cpp can do, and what would make it faster."""
    from localcollab.cli.doctor import examine

    examine(tuple(file or ()), as_json=as_json)


def main() -> NoReturn:
    """The entry point: what a user can mend becomes one line on stderr; nothing is a traceback.

    Exit codes: 0 done, 1 failed, 2 a command line that cannot be read, 130 interrupted.
    """
    code = 0
    try:
        code = app(standalone_mode=False, prog_name="localcollab") or 0
    except LocalcollabError as error:
        code = _say(str(error), EXIT_FAILED)
    except _UsageError as error:
        code = error.exit_code
        if "\n" in error.format_message():  # no command at all: the help is the message
            print(error.format_message(), file=sys.stderr)
        else:
            where = error.ctx.command_path if error.ctx else "localcollab"
            _say(f"{error.format_message()} (see {where} --help)", code)
    except (KeyboardInterrupt, typer.Abort):
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader went away (as in `| head`): say nothing.
        code = EXIT_FAILED
    if code == EXIT_INTERRUPTED:
        _say("interrupted", code)
    sys.exit(_flushed(code))


_UsageError: Any = typer.BadParameter.__mro__[2]
"""click's base of errors that have a message and an exit code; typer exports only some of them."""


def _say(message: str, code: int) -> int:
    """One line on stderr, without what a terminal would obey. Returns `code`."""
    from localcollab.terminal.visible_text import visible

    if sys.stderr is not None:
        print(f"localcollab: {visible(' '.join(message.split()))}", file=sys.stderr)
    return code


def _flushed(code: int) -> int:
    """The exit code; at its exit Python would complain of what cannot be written."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        sys.stdout = None
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return code or EXIT_FAILED
    return code


if __name__ == "__main__":
    main()
