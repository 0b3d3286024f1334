"""Markdown as text: its code blocks, and whether its layout would take seconds."""

MAX_CHARACTERS = 40_000
MAX_LINES = 800
MAX_LINE = 4_000
MAX_MARKS_A_LINE = 200
_MARKS = frozenset("*_`[]<>!~|")


def is_too_much(text: str) -> bool:
    """Every block is a widget and every mark a span; such a text is shown as plain text instead."""
    if len(text) > MAX_CHARACTERS:
        return True
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        return True
    return any(
        len(line) > MAX_LINE or sum(c in _MARKS for c in line) > MAX_MARKS_A_LINE for line in lines
    )


def code_blocks(text: str) -> str:
    """The text between ``` fences, joined by empty lines; empty if there is none."""
    blocks: list[list[str]] = []
    fence = ""
    for line in text.splitlines():
        opening = line.lstrip()[:3]
        if not fence and opening in ("```", "~~~"):
            fence = opening
            blocks.append([])
        elif fence and line.strip() == fence:
            fence = ""
        elif fence:
            blocks[-1].append(line)
    return "\n\n".join("\n".join(block) for block in blocks)
