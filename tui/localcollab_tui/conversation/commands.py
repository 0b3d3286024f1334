"""Slash commands as text: the list, parsing, completion. They run elsewhere."""

import difflib
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcollab.errors import BadOption

GATES = ("head", "entropy", "margin", "always", "never", "random(0.5)")
OPTIONS: dict[str, type[int] | type[float] | type[str]] = {
    "temperature": float,
    "top_k": int,
    "top_p": float,
    "min_p": float,
    "repeat_penalty": float,
    "repeat_last": int,
    "seed": int,
    "max_tokens": int,
    "stop": str,
    "threads": int,
    "overflow": str,
}
"""The options of /set; `decoding.sampling` and `decoding.answer_text` check the values."""
OVERFLOW = ("drop", "compact", "ask")
"""What happens to the oldest turns when the context is full: left out, summarized by the model itself, or
left out where the user agrees."""


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    usage: str
    about: str


COMMANDS = (
    Command("help", "/help", "show keys and commands"),
    Command("team", "/team [NAME]", "open a team, or show all of them"),
    Command(
        "threshold", "/threshold [0..1]", "set the threshold, with a preview on the last answer"
    ),
    Command("gate", "/gate [NAME]", "set the gate: " + ", ".join(GATES)),
    Command("set", "/set [OPTION VALUE]", "set a sampling option or limit: " + ", ".join(OPTIONS)),
    Command("show", "/show", "show the exact prompt with its tokens"),
    Command("regen", "/regen", "answer the last question again; the old answer stays"),
    Command("more", "/more", "go on with the last answer where it was cut, ended or stopped"),
    Command("edit", "/edit", "edit the last question; the old branch stays"),
    Command("fork", "/fork", "continue from here in a new conversation"),
    Command("undo", "/undo", "take back the last question; the branch stays"),
    Command("clear", "/clear", "start a new conversation"),
    Command("system", "/system [TEXT|off]", "show, set or remove the system prompt"),
    Command("stats", "/stats", "figures of this branch"),
    Command("export", "/export [FILE]", "write this conversation to a .md or .json file"),
    Command("copy", "/copy [code]", "copy the last answer, or its code, to the clipboard"),
    Command("docs", "/docs [NAME [strict]|off]", "answer from a document collection"),
    Command("attach", "/attach FILE...|off", "answer from files, without a collection"),
    Command("sources", "/sources", "show the sources of the last answer"),
    Command("why", "/why", "show what the last answer took back, and what to double-check"),
    Command("compare", "/compare [base|TEAM]", "answer the last question in two columns"),
    Command("quit", "/quit", "quit; everything is saved"),
)
_BY_NAME = {command.name: command for command in COMMANDS}


@dataclass(frozen=True, slots=True)
class Line:
    """A parsed slash line. `problem`: why it cannot run."""

    command: str = ""
    argument: str = ""
    problem: str = ""


def parse(text: str) -> Line | None:
    """None: a question. A question may start with `//`, which stands for `/`."""
    if not text.startswith("/") or text.startswith("//") or "\n" in text.strip():
        return None
    name, _, argument = text[1:].strip().partition(" ")
    if name in _BY_NAME:
        return Line(name, argument.strip())
    near = difflib.get_close_matches(name, _BY_NAME, n=1)
    hint = f"did you mean /{near[0]}?" if near else "/help lists all commands"
    return Line(problem=f"unknown command /{name}: {hint} (start a question with //)")


def question_of(text: str) -> str:
    """`//etc` asks about `/etc`."""
    return text[1:] if text.startswith("//") else text


def completions(text: str, teams: Sequence[str] = ()) -> list[tuple[str, str]]:
    """(whole line, what it does) for each completion of `text`."""
    if not text.startswith("/") or text.startswith("//") or "\n" in text:
        return []
    name, blank, argument = text[1:].partition(" ")
    if not blank:
        found = [c for c in COMMANDS if c.name.startswith(name)]
        return [(f"/{c.name}{' ' if '[' in c.usage else ''}", c.about) for c in found]
    return [(f"/{name} {value}", "") for value in _values(name, argument, teams)]


def _values(name: str, argument: str, teams: Sequence[str]) -> list[str]:
    known: dict[str, Iterable[str]] = {
        "team": teams,
        "gate": GATES,
        "set": [f"{option} " for option in OPTIONS],
        "system": ("off",),
        "copy": ("code",),
        "compare": ("base", *teams),
    }
    return [v for v in known.get(name, ()) if v.startswith(argument) and v != argument]


def parse_option(argument: str) -> tuple[str, float | int | str | None] | str:
    """`temperature 0.7` -> (name, value), where None is the default; else the problem."""
    name, _, value = argument.partition(" ")
    value = value.strip()
    if name not in OPTIONS:
        near = difflib.get_close_matches(name, OPTIONS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(OPTIONS)}"
        return f"/set: unknown option {name!r}: {hint}"
    if value in ("", "default"):
        return name, None
    if name == "overflow" and value not in OVERFLOW:
        return f"/set overflow {value}: use one of {', '.join(OVERFLOW)}"
    try:
        parsed = OPTIONS[name](value)
    except ValueError:
        kind = "an integer" if OPTIONS[name] is int else "a number"
        return f"/set {name} {value}: must be {kind} or default"
    fault = _fault(name, parsed)
    return f"/set {name} {value}: {fault}" if fault else (name, parsed)


def _fault(name: str, value: Any) -> str:
    """What to give instead of a value that cannot be used; empty: it can."""
    # Imported here: the first frame needs no NumPy.
    from localcollab.decoding.answer_text import Limits
    from localcollab.decoding.sampling import Sampling
    from localcollab.llama.options import Options

    try:
        match name:
            case "max_tokens":
                Limits(max_tokens=value)
            case "threads":
                Options(n_threads=value)
            case "stop" | "overflow":
                pass
            case _:
                Sampling(**{name: value})
    except BadOption as error:
        return str(error).partition(": ")[2]
    return ""


def parse_docs(argument: str) -> tuple[str | None, bool] | str:
    """`NAME strict` -> (name, strict), (None, False) for `off`; else the problem."""
    name, _, rest = argument.partition(" ")
    if rest.strip() not in ("", "strict"):
        return f"/docs {argument}: use /docs NAME, /docs NAME strict or /docs off"
    return (None, False) if name == "off" else (name, bool(rest.strip()))


def parse_attach(argument: str) -> tuple[Path, ...] | str:
    """The files, none for `off`; else the problem. A single path with blanks needs no quotes."""
    if argument == "off":
        return ()
    whole = Path(argument).expanduser()
    if whole.exists():
        return (whole,)
    try:
        return tuple(Path(part).expanduser() for part in shlex.split(argument))
    except ValueError as error:
        return f"/attach {argument}: {error}: close the quotes"


def parse_threshold(argument: str) -> float | str:
    """A number from 0 to 1, or the problem."""
    try:
        value = float(argument)
    except ValueError:
        value = -1.0
    if 0 <= value <= 1:
        return value
    return f"/threshold {argument}: must be a number from 0 to 1"
