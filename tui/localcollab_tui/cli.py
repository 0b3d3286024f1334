"""`localcollab chat`. Only what the first frame needs is imported before it."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from localcollab.cli.options import (
    Adapter,
    Base,
    Draft,
    ExpertBudget,
    Experts,
    Head,
    Models,
    NCtx,
    Team,
    TeamAnyway,
    Threads,
    one_name,
)
from localcollab.errors import BadOption
from localcollab.teams.choice import TeamChoice
from localcollab.terminal.status import hide_notes
from localcollab.terminal.streams import is_closed
from localcollab_tui import gc_control

if TYPE_CHECKING:
    from localcollab.history import History
    from localcollab_tui.app import ChatApp, Start
    from localcollab_tui.engine.thread import Engine
    from localcollab_tui.engine.worker import OpenByName
    from localcollab_tui.messages import Report

if find_spec("textual") is None:
    raise ModuleNotFoundError(name="textual")  # the command line names the extra

_SECONDS_TO_FAIL_AGAIN = 10
"""A restarted app that fails this soon is not restarted again."""

app = typer.Typer(
    rich_markup_mode=None, pretty_exceptions_enable=False,
    add_completion=False,  # the whole command line's: localcollab --install-completion
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip


@app.command()
def chat(
    model: Annotated[
        str | None, typer.Argument(help="A team, a model or a GGUF file; --team is the same.")
    ] = None,
    team: Team = None,
    base: Base = None,
    experts: Experts = None,
    head: Head = None,
    draft: Draft = None,
    adapter: Adapter = None,
    expert_budget: ExpertBudget = None,
    team_anyway: TeamAnyway = False,
    models: Models = None,
    session: Annotated[str | None, typer.Option(help="Continue this conversation.")] = None,
    incognito: Annotated[bool, typer.Option("--incognito", help="Store nothing.")] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="Line mode, for screen readers and pipes.")
    ] = False,
    compact: Annotated[
        bool,
        typer.Option(
            "--compact",
            help="When the context is full, let the model summarize the oldest turns. Default: they are "
            "left out.",
        ),
    ] = False,
    n_ctx: NCtx = None,
    n_threads: Threads = None,
) -> None:
    """Chat with a team in the terminal and see which model wrote each word."""
    from localcollab.history import default_path, open_history

    _require_streams(plain=plain)
    catalogs = tuple(models or ())
    given = one_name(model, team)
    choice = TeamChoice(
        team=given, base=base, experts=tuple(experts or ()), head=head, draft=draft,
        adapter=adapter, catalogs=catalogs, expert_budget=expert_budget, team_anyway=team_anyway,
    )  # fmt: skip
    team = given if base is None else choice.plan().name
    with open_history(None if incognito else default_path()) as history:
        if session is not None:
            history.conversation(session)  # raises before the screen is drawn
        options = {"overflow": "compact"} if compact else {}
        open_by_name = opener(choice, team, n_ctx, n_threads)
        if plain:
            if team is None and session is None:
                _require_one_choice(catalogs)
            from localcollab_tui.plain import PlainChat

            line_mode = PlainChat(history, open_by_name, sys.stdin, sys.stdout, options)
            try:
                line_mode.run(team, session)
            finally:
                if not line_mode.has_ended:
                    _leave()
            return
        with gc_control.paused():
            ended = _run_app(history, open_by_name, team, session, catalogs, options)
    if not ended:
        _leave()


def _require_streams(*, plain: bool) -> None:
    if plain and (is_closed(sys.stdin) or is_closed(sys.stdout)):
        closed = "input" if is_closed(sys.stdin) else "output"
        raise BadOption(f"standard {closed} is closed, and chat --plain needs it")
    streams = (sys.stdin, sys.stderr)
    if not plain and not all(stream.isatty() for stream in streams):
        raise BadOption("chat needs a terminal: add --plain, or use localcollab run")


def _leave() -> NoReturn:
    """While a model is still being loaded, where llama.cpp cannot be interrupted: end the process."""
    from localcollab.cli.main import EXIT_FAILED, EXIT_INTERRUPTED
    from localcollab.terminal.visible_text import visible

    error, code = sys.exception(), 0
    if isinstance(error, KeyboardInterrupt):
        print("localcollab: interrupted", file=sys.stderr)
        code = EXIT_INTERRUPTED
    elif error is not None:
        print(f"localcollab: {visible(str(error))}", file=sys.stderr)
        code = EXIT_FAILED
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(code)


def _run_app(
    history: "History",
    open_by_name: "OpenByName",
    team: str | None,
    session: str | None,
    catalogs: tuple[Path, ...],
    options: dict[str, str],
) -> bool:
    from localcollab_tui.app import Start
    from localcollab_tui.settings import load_settings, settings_path

    start = Start(
        team, session, catalogs, _team_names(catalogs), partial(choices_of, catalogs),
        load_settings(settings_path()), options,
    )  # fmt: skip
    return run_app(lambda start: make_app(history, open_by_name, start), start)


def run_app(make: Callable[["Start"], "ChatApp"], start: "Start") -> bool:
    """After an unexpected error a new app continues the conversation, also an incognito one, and shows
    what to report. False: the models' thread has not ended."""
    restarts = 0
    while True:
        began, app = time.monotonic(), make(start)
        try:
            hide_notes()
            app.run()
        finally:
            ended = app.close()
        if app.unexpected is None:
            return ended
        from localcollab_tui.crash_report import crash_report, page

        problem = page(crash_report(app.unexpected))
        if not ended or (restarts and time.monotonic() - began < _SECONDS_TO_FAIL_AGAIN):
            print(problem, file=sys.stderr)
            if not ended:
                os._exit(1)
            raise typer.Exit(1)
        start, restarts = replace(app.restart(start), problem=problem), restarts + 1


def make_app(history: "History", open_by_name: "OpenByName", start: "Start") -> "ChatApp":
    from localcollab_tui.app import ChatApp
    from localcollab_tui.engine.thread import Engine

    def make_engine(report: "Report") -> "Engine":
        return Engine(open_by_name, report)

    return ChatApp(history, make_engine, start)


def choices_of(catalogs: tuple[Path, ...]) -> tuple[str, ...]:
    """What may answer where no team is named. Raises `BadCatalog`."""
    from localcollab.catalog import load_catalog
    from localcollab.teams.choosing import chat_choices

    return chat_choices(load_catalog(*catalogs))


def _with_only_choice(choice: TeamChoice) -> TeamChoice:
    """Where nothing is named: the only team or model that the user has installed."""
    if choice.team or choice.base or choice.experts:
        return choice
    names = choices_of(choice.catalogs)
    return replace(choice, team=names[0]) if len(names) == 1 else choice


def _require_one_choice(catalogs: tuple[Path, ...]) -> None:
    """Raises `BadOption`: line mode has no picker."""
    if len(names := choices_of(catalogs)) > 1:
        raise BadOption(f"several teams and models are installed ({', '.join(names)}): name one")


def _team_names(catalogs: tuple[Path, ...]) -> Callable[[], tuple[str, ...]]:
    """Read when `/team` is typed. Raises `BadCatalog` for a given file before the screen is drawn."""

    @cache
    def names() -> tuple[str, ...]:
        from localcollab.catalog import load_catalog

        return tuple(load_catalog(*catalogs).teams)

    if catalogs:
        names()
    return names


def opener(
    choice: TeamChoice, first: str | None, n_ctx: int | None, n_threads: int | None
) -> "OpenByName":
    """The result imports numpy and llama.cpp when it is called, in the models' thread. `choice` is what
    the name `first` stands for; other names are looked up."""

    def open_it(team, on_progress):  # type: ignore[no-untyped-def]
        from localcollab.catalog import Blend
        from localcollab.llama.options import Options
        from localcollab.teams.open import open_team

        asked = choice if team == first else TeamChoice(team=team, catalogs=choice.catalogs)
        plan = _with_only_choice(asked).plan_to_answer()
        options = Options(n_ctx=n_ctx, n_threads=n_threads)
        if isinstance(plan.method, Blend):
            from localcollab_tui.engine.blend import open_as_blend

            return open_as_blend(plan, options, on_progress)
        return open_team(plan, options, on_progress)

    return open_it
