"""Text from outside, made safe to print: no escape, control or reordering character reaches a terminal.

Names, metadata, licences, documents and the output of models all pass through here.
"""

_REORDERING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def visible(text: str) -> str:
    """Control characters other than newline and tab become visible symbols."""
    if text.isprintable():
        return text
    return "".join(
        c if c in "\n\t" or (c >= " " and not _is_control(c)) else _symbol(c) for c in text
    )


def _is_control(c: str) -> bool:
    # C1 controls, DEL, half characters, line separators, and the characters that reorder text.
    return (
        "\x7f" <= c <= "\x9f"
        or "\ud800" <= c <= "\udfff"
        or c in _REORDERING
        or c in "\u2028\u2029"
    )


def _symbol(c: str) -> str:
    return chr(0x2400 + ord(c)) if c < " " else "\N{REPLACEMENT CHARACTER}"
