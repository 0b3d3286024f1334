"""Grammars without rules of their own, as regular expressions: to compare them with brute force."""

import re

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]|[()|?*+]|\{\d*,?\d*\}|\s+')
_ESCAPE = re.compile(r"\\(x[0-9A-F]{2}|u[0-9A-F]{4}|U[0-9A-F]{8}|.)")


def to_regex(expression: str) -> re.Pattern[str]:
    """Of literals, classes, groups and repetitions."""
    parts, at = list[str](), 0
    while at < len(expression):
        found = _TOKEN.match(expression, at)
        assert found, expression[at:]
        token, at = found[0], found.end()
        if token.startswith('"'):
            parts.append(f"(?:{re.escape(_ESCAPE.sub(_plain, token[1:-1]))})")
        elif token.startswith("["):
            parts.append(_ESCAPE.sub(lambda m: re.escape(_plain(m)), token))
        elif not token.isspace():
            parts.append("(?:" if token == "(" else token)
    return re.compile("".join(parts), re.DOTALL)


def _plain(escape: re.Match[str]) -> str:
    said = escape[1]
    return chr(int(said[1:], 16)) if len(said) > 1 else said
