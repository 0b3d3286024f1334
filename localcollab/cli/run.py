"""`localcollab run`: one question, one streamed answer."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, cast, get_args

from localcollab.blend.events import BlendEvent
from localcollab.catalog import Blend
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.documents.answer.events import AnswerEvent, Checked, Sources, Way
from localcollab.documents.answer.format import claim_lines, source_lines
from localcollab.errors import BadOption
from localcollab.events import Finished, Progress, Prompted, Token, Unfamiliar
from localcollab.llama.options import Options
from localcollab.teams.choice import TeamChoice
from localcollab.teams.open import (
    OpenTeam,
    TeamPlan,
    open_team,
)
from localcollab.teams.session import Session
from localcollab.terminal.painter import Painter, supports_colour
from localcollab.terminal.status import Status, notes_shown

if TYPE_CHECKING:
    from localcollab.documents.answer.answer import Library
    from localcollab.evaluation.explain import Explained

_MAX_INPUT = 16 * 2**20
_C1 = re.compile(r"[\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class DocsChoice:
    """What the command line says about documents."""

    collection: str
    strict: bool = False
    way: Way | None = None


def docs_choice(collection: str | None, *, strict: bool, way: str | None) -> DocsChoice | None:
    """Raises `BadOption`."""
    if collection is None:
        if strict or way is not None:
            raise BadOption("`strict` and `docs_as` need `docs`")
        return None
    if way not in (None, *get_args(Way)):
        raise BadOption(f"`docs_as` is {way!r}: give {' or '.join(get_args(Way))}")
    return DocsChoice(collection, strict, cast("Way | None", way))


def run(
    question: str | None,
    choice: TeamChoice,
    options: Options,
    *,
    system: str | None,
    sampling: Sampling,
    limits: Limits,
    marks: bool | None,
    json_events: bool,
    docs: DocsChoice | None = None,
    budget: int | None = None,
    explains: bool = False,
) -> None:
    """Answer on stdout; notes, legend and the double-check line on stderr. Raises what asking raises."""
    plan = choice.plan()
    text = _read_question() if question in (None, "-") else question or ""
    if not text.strip():
        raise BadOption("the question is empty: give one, or write it to standard input")
    _refuse(plan, docs, budget, explains=explains)
    if isinstance(plan.method, Blend):
        # Imported here: a team that writes token by token needs none of it.
        from localcollab.cli.run_blend import answer

        answer(
            plan, text, options, system=system, sampling=sampling, limits=limits, marks=marks,
            json_events=json_events, budget=budget,
        )  # fmt: skip
        return
    status = Status(sys.stderr)
    with ExitStack() as stack:
        library = None if docs is None else _open_library(docs, stack)
        with notes_shown(status):
            team = open_team(plan, options, status.show)
        session = Session(team, system=system)
        prompt = session.prompt(text) if explains else []
        written = _answer(session, text, library, sampling, limits, marks, json_events, status)
        if explains:
            _explain(team, prompt, written, status, json_events=json_events)


def _refuse(plan: TeamPlan, docs: DocsChoice | None, budget: int | None, *, explains: bool) -> None:
    """Options that this team cannot follow. Raises `BadOption`."""
    is_blend = isinstance(plan.method, Blend)
    if explains and (docs is not None or is_blend or len(plan.members) < 2):
        raise BadOption(
            "`explain` shows what the other models of a team changed: use it with a token-level "
            "team, without `docs`"
        )
    if is_blend and docs is not None:
        raise BadOption(f"{plan.name} is a blend, which cannot use `docs`: use one of its members")
    if not is_blend and budget is not None:
        raise BadOption("`budget` applies to blends only: leave it out")


def _explain(
    team: OpenTeam, prompt: list[int], written: list[Token], status: Status, *, json_events: bool
) -> None:
    # Imported here: few ask for it.
    from localcollab.evaluation.explain import explain, words_that_drop

    found = explain(team, prompt, written)
    if json_events:
        write_line(found)
        return
    words = words_that_drop(written, found)
    status.note(f"the base alone would hardly say: {' · '.join(words) or 'nothing of it'}")


def _open_library(docs: DocsChoice, stack: ExitStack) -> "Library":
    # Imported here: most questions need no collection.
    from localcollab.documents.answer.answer import Library
    from localcollab.documents.collection import open_collection

    collection = stack.enter_context(open_collection(docs.collection))
    return Library(collection, docs.collection, docs.way, docs.strict)


def _ask(
    session: Session, text: str, library: "Library | None", sampling: Sampling, limits: Limits
) -> Iterator[AnswerEvent]:
    if library is None:
        return session.ask(text, sampling, limits)
    from localcollab.documents.answer.answer import ask

    return ask(session, library, text, sampling, limits)


def _answer(
    session: Session,
    text: str,
    library: "Library | None",
    sampling: Sampling,
    limits: Limits,
    marks: bool | None,
    json_events: bool,
    status: Status,
) -> list[Token]:
    """The tokens that were written."""
    team, written = session.team, list[Token]()
    if team.template is None:
        status.note(
            f"{team.name}: the base has no chat template: the text is continued as it stands"
        )
    status.clear()
    painter = None if json_events else _painter(team, marks)
    sources: Sources | None = None
    for event in _ask(session, text, library, sampling, limits):
        if isinstance(event, Token):
            written.append(event)
        if painter is None:
            write_line(event)
            continue
        if isinstance(event, Sources):
            sources = event
        show(event, painter, status, sources)
    return written


def _painter(team: OpenTeam, marks: bool | None) -> Painter:
    is_terminal = sys.stdout.isatty()
    return Painter(
        sys.stdout,
        list(team.members),
        colour=is_terminal and supports_colour(),
        marks=is_terminal if marks is None else marks,
    )


def show(event: AnswerEvent, painter: Painter, status: Status, sources: Sources | None) -> None:
    match event:
        case Sources():
            for line in source_lines(event):
                status.note(line)
        case Prompted(n_reread=n) if n:
            status.note(f"the chat template rewrote old turns: {n} tokens are read again")
        case Progress(done, total):
            status.show(f"reading {100 * done // total} %")
        case Token():
            status.clear()
            painter.write(event)
        case Unfamiliar():
            painter.add_unfamiliar(event)
        case Checked() if sources is not None:
            painter.close()
            for line in claim_lines(event, sources):
                status.note(line)
        case Finished():
            status.clear()
            painter.close()
            for line in painter.summary(event):
                status.note(line)


def _read_question() -> str:
    """Standard input, as UTF-8. Raises `BadOption`."""
    if sys.stdin is None or sys.stdin.isatty():
        raise BadOption("no question: give one, or write it to standard input")
    data = sys.stdin.buffer.read(_MAX_INPUT + 1)
    if len(data) > _MAX_INPUT:
        raise BadOption(f"standard input holds more than {_MAX_INPUT} bytes: give a shorter text")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadOption(
            f"standard input is not UTF-8 at byte {error.start}: convert it first"
        ) from error


def write_line(event: "AnswerEvent | BlendEvent | Explained") -> None:
    """JSON in UTF-8, whatever the locale; half a character (of a file name) as an escape.

    So are the control characters that JSON itself leaves as they are: a terminal obeys some.
    """
    line = _C1.sub(
        lambda m: f"\\u{ord(m[0]):04x}", json.dumps(event_record(event), ensure_ascii=False)
    )
    sys.stdout.buffer.write(line.encode("utf-8", "backslashreplace") + b"\n")
    sys.stdout.buffer.flush()


def event_record(event: "AnswerEvent | BlendEvent | Explained") -> dict[str, object]:
    """One event as JSON: its kind under `event`, then its fields."""
    return {"event": type(event).__name__.lower(), **asdict(event)}
