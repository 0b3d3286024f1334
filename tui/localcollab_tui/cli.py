"""`localcollab chat`. Only what the first frame needs is imported before it."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
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
    OwnPrompt,
    Speculation,
    Team,
    TeamAnyway,
    Threads,
    Workers,
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
    from localcollab_tui.engine.thread import Engine, MakeWorker
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


@dataclass(frozen=True, slots=True)
class Answerers:
    """Who may answer: teams of a catalogue in this process, or what a server offers."""

    make_worker: "MakeWorker"
    teams: Callable[[], tuple[str, ...]]
    """To complete names with."""
    choices: Callable[[], tuple[str, ...]]
    """Where none is named. Raises `LocalcollabError`."""
    catalogs: tuple[Path, ...] | None = None


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
    speculation: Speculation = None,
    adapter: Adapter = None,
    expert_budget: ExpertBudget = None,
    team_anyway: TeamAnyway = False,
    own_prompt: OwnPrompt = False,
    workers: Workers = None,
    models: Models = None,
    server: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Ask a server with OpenAI's API, as localcollab serve is one, instead of loading "
            "models; only this address is connected to.",
        ),
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="File with the key that the server wants.")
    ] = None,
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
        speculation=speculation,
        own_prompt=own_prompt, workers=tuple(workers or ()),
    )  # fmt: skip
    if server is not None:
        _require_nothing_else(choice, n_ctx, n_threads)
        answerers = on_server(server, key_file)
    elif key_file is not None:
        raise BadOption("`key_file` is a server's: give `server`, too")
    else:
        given = given if base is None else choice.plan().name
        answerers = on_own(choice, given, n_ctx, n_threads, keeps=not incognito)
    with open_history(None if incognito else default_path()) as history:
        if session is not None:
            history.conversation(session)  # raises before the screen is drawn
        options = {"overflow": "compact"} if compact else {}
        if plain:
            if given is None and session is None:
                _require_one(answerers.choices())
            from localcollab_tui.plain import PlainChat

            make_worker = answerers.make_worker
            line_mode = PlainChat(history, make_worker, sys.stdin, sys.stdout, options)
            try:
                line_mode.run(given, session)
            finally:
                if not line_mode.has_ended:
                    _leave()
            return
        with gc_control.paused():
            ended = _run_app(history, answerers, given, session, options)
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
    answerers: Answerers,
    team: str | None,
    session: str | None,
    options: dict[str, str],
) -> bool:
    from localcollab_tui.app import Start
    from localcollab_tui.settings import load_settings, settings_path

    start = Start(
        team, session, answerers.catalogs, answerers.teams, answerers.choices,
        load_settings(settings_path()), options,
    )  # fmt: skip
    return run_app(lambda start: make_app(history, answerers.make_worker, start), start)


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


def make_app(history: "History", make_worker: "MakeWorker", start: "Start") -> "ChatApp":
    from localcollab_tui.app import ChatApp
    from localcollab_tui.engine.thread import Engine

    def make_engine(report: "Report") -> "Engine":
        return Engine(make_worker, report)

    return ChatApp(history, make_engine, start)


def on_own(
    choice: TeamChoice,
    first: str | None,
    n_ctx: int | None,
    n_threads: int | None,
    *,
    keeps: bool,
) -> Answerers:
    """`keeps`: what models have read may be kept on disk. Raises `BadCatalog` for a given file."""
    from localcollab_tui.engine.thread import on_own_models

    catalogs = choice.catalogs
    return Answerers(
        on_own_models(opener(choice, first, n_ctx, n_threads, keeps=keeps)),
        _team_names(catalogs), partial(choices_of, catalogs), catalogs,
    )  # fmt: skip


def on_server(given: str, key_file: Path | None) -> Answerers:
    """Raises `BadOption`; nothing is asked yet."""
    from localcollab_tui.remote.address import parse_address
    from localcollab_tui.remote.connection import Server
    from localcollab_tui.remote.models import Offered

    key = None if key_file is None else _read_key(key_file)
    offered = Offered(Server(parse_address(given), key))

    def make_worker(report, stop_event):  # type: ignore[no-untyped-def]
        from localcollab_tui.remote.worker import RemoteWorker

        return RemoteWorker(offered, report, stop_event)

    def choices() -> tuple[str, ...]:
        return tuple(model.name for model in offered.ask())

    return Answerers(make_worker, lambda: offered.names, choices)


def _require_nothing_else(choice: TeamChoice, n_ctx: int | None, n_threads: int | None) -> None:
    """Raises `BadOption` for what a server decides when it is started."""
    given = {
        "base": choice.base, "experts": choice.experts, "head": choice.head, "draft": choice.draft,
        "adapter": choice.adapter, "expert_budget": choice.expert_budget,
        "team_anyway": choice.team_anyway, "models": choice.catalogs, "n_ctx": n_ctx,
        "n_threads": n_threads,
    }  # fmt: skip
    for name, value in given.items():
        if value:
            raise BadOption(
                f"`{name}` and `server` do not go together: give it to localcollab serve, and name what "
                "it serves here"
            )


def _read_key(path: Path) -> str:
    """Raises `BadOption`."""
    try:
        key = path.expanduser().read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise BadOption(f"`key_file` {path} cannot be read ({error}): check it") from error
    if not key or not key.isprintable() or " " in key:
        raise BadOption(f"`key_file` {path} does not hold one key of ASCII characters: check it")
    return key


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


def _require_one(names: tuple[str, ...]) -> None:
    """Raises `BadOption`: line mode has no picker."""
    if len(names) > 1:
        raise BadOption(f"there are several teams and models ({', '.join(names)}): name one")


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
    choice: TeamChoice,
    first: str | None,
    n_ctx: int | None,
    n_threads: int | None,
    *,
    keeps: bool = False,
) -> "OpenByName":
    """The result imports numpy and llama.cpp when it is called, in the models' thread. `choice` is what
    the name `first` stands for; other names are looked up. `keeps`: see `on_own`."""

    @cache
    def prompt_cache():  # type: ignore[no-untyped-def]
        from localcollab.llama.prompt_cache import open_prompt_cache
        from localcollab_tui.settings import load_settings, settings_path

        return open_prompt_cache(load_settings(settings_path()).prompt_cache_gb) if keeps else None

    def open_it(team, on_progress):  # type: ignore[no-untyped-def]
        from localcollab.catalog import Blend
        from localcollab.llama.options import Options
        from localcollab.teams.open import open_team

        other = TeamChoice(team=team, catalogs=choice.catalogs, speculation=choice.speculation)
        asked = choice if team == first else other
        plan = _with_only_choice(asked).plan_to_answer()
        options = Options(n_ctx=n_ctx, n_threads=n_threads)
        if isinstance(plan.method, Blend):
            from localcollab_tui.engine.blend import open_as_blend

            return open_as_blend(plan, options, on_progress, prompt_cache())
        return open_team(plan, options, on_progress, prompt_cache())

    return open_it
