"""Ignore files: the rules of .gitignore (gitignore(5)), read from .gitignore and .ignore."""

import re
from dataclasses import dataclass
from pathlib import Path

NAMES = (".gitignore", ".ignore")
"""In this order: a later one's rules win, as they do for the search tools that know .ignore."""
_MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Rule:
    pattern: re.Pattern[str]
    """Of a path relative to the folder the ignore file stands in, with slashes."""
    ignores: bool
    folders_only: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """Those of one folder, and of all above it up to the source."""

    folder: Path
    rules: tuple[Rule, ...]
    above: "Rules | None"


def is_ignored(rules: Rules | None, path: Path, *, is_folder: bool) -> bool:
    """The last rule that matches decides; a deeper folder's rules come before those above."""
    while rules is not None:
        relative = path.relative_to(rules.folder).as_posix()
        for rule in reversed(rules.rules):
            if (is_folder or not rule.folders_only) and rule.pattern.fullmatch(relative):
                return rule.ignores
        rules = rules.above
    return False


def rules_in(folder: Path, above: Rules | None) -> Rules | None:
    """Those above where the folder has none. An ignore file that cannot be read counts as empty."""
    found = [rule for name in NAMES for rule in _read(folder / name)]
    return Rules(folder, tuple(found), above) if found else above


def _read(file: Path) -> list[Rule]:
    try:
        if file.is_symlink() or not file.is_file() or file.stat().st_size > _MOST_BYTES:
            return []
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [rule for line in lines if (rule := parse_rule(line))]


def parse_rule(line: str) -> Rule | None:
    """None for a comment, a blank line, or a pattern that means nothing."""
    line = re.sub(r"(?<!\\)\s+$", "", line)
    if not line or line.startswith("#"):
        return None
    ignores = not line.startswith("!")
    line = line.removeprefix("!")
    folders_only = line.endswith("/")
    line = line.rstrip("/")
    if not line:
        return None
    if "/" not in line:
        line = "**/" + line
    try:
        return Rule(re.compile(_regex(line.lstrip("/"))), ignores, folders_only)
    except re.error:
        return None


def _regex(glob: str) -> str:
    tokens = re.findall(r"\*\*/|/\*\*$|\*+|\?|\[[!^]?\]?[^\]]*\]|\\.|.", glob, re.DOTALL)
    return "(?s:" + "".join(map(_token, tokens)) + ")"


def _token(token: str) -> str:
    if token == "**/":
        return "(?:.*/)?"
    if token == "/**":
        return "/.+"
    if token[0] == "*":
        return "[^/]*"
    if token == "?":
        return "[^/]"
    if token[0] == "[" and len(token) > 2:
        inside = token[1:-1].replace("\\", "\\\\").replace("[", "\\[")
        inside = "^" + inside[1:] if inside[0] in "!^" else inside
        return f"(?!/)[{inside}]"
    return re.escape(token[-1] if token[0] == "\\" else token)
