"""`localcollab chat`: thin. Only what the first frame needs is imported before it."""

import os
import sys
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from localcollab.cli.options import Models, NCtx, Team
from localcollab.errors import BadOption
from localcollab_tui import garbage

if TYPE_CHECKING:
    from localcollab.history import History
    from localcollab_tui.app import ChatApp
    from localcollab_tui.engine import Engine, OpenByName, Say

if find_spec("textual") is None:
    raise ModuleNotFoundError(name="textual")  # the command line names the extra

app = typer.Typer(
    rich_markup_mode=None, pretty_exceptions_enable=False,
    add_completion=False,  # the whole command line's: localcollab --install-completion
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip


@app.command()
def chat(
    team: Team = None,
    models: Models = None,
    session: Annotated[str | None, typer.Option(help="Go on with this conversation.")] = None,
    incognito: Annotated[bool, typer.Option("--incognito", help="Store nothing.")] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="Line by line, for screen readers and pipes.")
    ] = False,
    n_ctx: NCtx = None,
) -> None:
    """Chat with a team in the terminal; see who wrote which word."""
    from localcollab.history import default_path, open_history

    if not plain and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise BadOption("chat draws on a terminal, and this is none: add --plain, or use run")
    catalogs = tuple(models or ())
    with open_history(None if incognito else default_path()) as history:
        if session is not None:
            history.conversation(session)  # says no before the screen is taken
        open_by_name = opener(catalogs, n_ctx)
        if plain:
            from localcollab_tui.plain import PlainChat

            PlainChat(history, open_by_name, sys.stdin, sys.stdout).run(team, session)
            return
        with garbage.paused():
            ended = _run_app(history, open_by_name, team, session, catalogs)
    if not ended:
        # A model is still being loaded: llama.cpp cannot be interrupted there.
        sys.stdout.flush()
        os._exit(0)


def _run_app(
    history: "History",
    open_by_name: "OpenByName",
    team: str | None,
    session: str | None,
    catalogs: tuple[Path, ...],
) -> bool:
    from localcollab_tui.app import Start
    from localcollab_tui.settings import load_settings, settings_path

    start = Start(team, session, catalogs, _team_names(catalogs), load_settings(settings_path()))
    app = make_app(history, open_by_name, start)
    try:
        app.run()
    finally:
        ended = app.close()
    return ended


def make_app(history: "History", open_by_name: "OpenByName", start: object) -> "ChatApp":
    from localcollab_tui.app import ChatApp, Start
    from localcollab_tui.engine import Engine

    assert isinstance(start, Start)

    def make_engine(say: "Say") -> "Engine":
        return Engine(open_by_name, say)

    return ChatApp(history, make_engine, start)


def _team_names(catalogs: tuple[Path, ...]) -> Callable[[], tuple[str, ...]]:
    """Read when `/team` is typed. Raises `BadCatalog` of a file that was given, before the screen is
    taken; what is wrong with the others the models' thread says."""

    @cache
    def names() -> tuple[str, ...]:
        from localcollab.catalog import load_catalog

        return tuple(load_catalog(*catalogs).teams)

    if catalogs:
        names()
    return names


def opener(catalogs: tuple[Path, ...], n_ctx: int | None) -> "OpenByName":
    """Imports numpy and llama.cpp when it is called: in the models' thread."""

    def open_it(team, on_progress):  # type: ignore[no-untyped-def]
        from localcollab.catalog import Blend
        from localcollab.llama.options import Options
        from localcollab.teams.choice import TeamChoice
        from localcollab.teams.open import open_team

        plan = TeamChoice(team=team, catalogs=catalogs).plan()
        options = Options(n_ctx=n_ctx)
        if isinstance(plan.method, Blend):
            from localcollab_tui.blending import open_as_blend

            return open_as_blend(plan, options, on_progress)
        return open_team(plan, options, on_progress)

    return open_it
