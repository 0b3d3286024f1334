"""Slash commands: which there are, what a line means, how it is completed. Runs none of them."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
}
"""What /set takes; `decoding.sampling` and `decoding.answer_text` check the values."""


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    usage: str
    about: str


COMMANDS = (
    Command("help", "/help", "keys and commands"),
    Command("team", "/team [NAME]", "choose a team, or see what each is"),
    Command("threshold", "/threshold [0..1]", "move the threshold; previews on the last answer"),
    Command("gate", "/gate [NAME]", "choose who decides: " + ", ".join(GATES)),
    Command("set", "/set [OPTION VALUE]", "sampling and limits: " + ", ".join(OPTIONS)),
    Command("show", "/show", "the exact prompt that was sent, tokens included"),
    Command("regen", "/regen", "answer the last question again, beside the old answer"),
    Command("edit", "/edit", "change the last question; the old branch stays"),
    Command("fork", "/fork", "go on from here in a new conversation"),
    Command("undo", "/undo", "go back before the last question; the branch stays"),
    Command("clear", "/clear", "start a new conversation"),
    Command("system", "/system [TEXT|off]", "the system prompt of this conversation"),
    Command("stats", "/stats", "figures of this conversation"),
    Command("export", "/export [FILE]", "write this conversation as .md or .json"),
    Command("copy", "/copy [code]", "the last answer, or its code, to the clipboard"),
    Command("docs", "/docs [NAME [strict]|off]", "answer from a collection of documents"),
    Command("sources", "/sources", "the documents the last answer used"),
    Command("compare", "/compare [base|TEAM]", "the last question, in two columns"),
    Command("quit", "/quit", "leave; everything is kept"),
)
_BY_NAME = {command.name: command for command in COMMANDS}


@dataclass(frozen=True, slots=True)
class Line:
    """A slash line taken apart. `problem` says why it cannot run."""

    command: str = ""
    argument: str = ""
    problem: str = ""


def parse(text: str) -> Line | None:
    """None: a question, not a command. A line that starts with `//` asks about `/`."""
    if not text.startswith("/") or text.startswith("//") or "\n" in text.strip():
        return None
    name, _, argument = text[1:].strip().partition(" ")
    if name in _BY_NAME:
        return Line(name, argument.strip())
    near = difflib.get_close_matches(name, _BY_NAME, n=1)
    hint = f"did you mean /{near[0]}?" if near else "/help lists them"
    return Line(problem=f"no command is named /{name}: {hint} (a question may start with //)")


def question_of(text: str) -> str:
    """`//etc` asks about `/etc`."""
    return text[1:] if text.startswith("//") else text


def completions(text: str, teams: Sequence[str] = ()) -> list[tuple[str, str]]:
    """(whole line, about) for what `text` may become."""
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
    """`temperature 0.7` -> (name, value); a value of None: back to the default. Else the problem."""
    name, _, value = argument.partition(" ")
    value = value.strip()
    if name not in OPTIONS:
        near = difflib.get_close_matches(name, OPTIONS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(OPTIONS)}"
        return f"/set knows no option {name!r}: {hint}"
    if value in ("", "default"):
        return name, None
    try:
        return name, OPTIONS[name](value)
    except ValueError:
        kind = "a whole number" if OPTIONS[name] is int else "a number"
        return f"/set {name} {value}: give {kind}, or default"


def parse_docs(argument: str) -> tuple[str | None, bool] | str:
    """`NAME strict` -> (name, strict), (None, False) for `off`; else the problem."""
    name, _, rest = argument.partition(" ")
    if rest.strip() not in ("", "strict"):
        return f"/docs {argument}: give a collection, perhaps with strict behind it, or off"
    return (None, False) if name == "off" else (name, bool(rest.strip()))


def parse_threshold(argument: str) -> float | str:
    """A probability, or the problem."""
    try:
        value = float(argument)
    except ValueError:
        value = -1.0
    if 0 <= value <= 1:
        return value
    return f"/threshold {argument}: give a number from 0 to 1"
