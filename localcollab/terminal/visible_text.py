"""Text from outside, made safe to print: no escape, control or reordering character reaches a terminal.

Names, metadata, licences, documents and the output of models all pass through here.
"""

import re

# DEL and C1 controls, half characters, line separators, and the characters that reorder text.
_ABOVE_SPACE = (
    "\x7f-\x9f\ud800-\udfff\u2028\u2029"
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
)  # fmt: skip
_UNSAFE_IN_JSON = re.compile(f"[{_ABOVE_SPACE}]")
_UNSAFE = re.compile(f"[\x00-\x08\x0b-\x1f{_ABOVE_SPACE}]")


def visible(text: str) -> str:
    """Control characters other than newline and tab become visible symbols."""
    return text if text.isprintable() else _UNSAFE.sub(_symbol, text)


def one_line(text: str) -> str:
    """`visible`, with the line breaks as symbols too."""
    return visible(text).replace("\n", "\u240a")


def escaped(json_text: str) -> str:
    """JSON that holds the same values, with the characters that `visible` replaces as escapes."""
    return _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", json_text)


def _symbol(found: re.Match[str]) -> str:
    return chr(0x2400 + ord(found[0])) if found[0] < " " else "\N{REPLACEMENT CHARACTER}"
