"""What the wrong edits of sentences share: their form, and how a sentence is left behind a change."""

import random
import re
from collections.abc import Callable, Sequence

from claim_texts import Text

Edit = Callable[[Text, random.Random, Sequence[Text]], str | None]
NAME = re.compile(r"(?<=[\w,;] )[A-Z][\w-]+(?: [A-Z][\w-]+)*")
_FEWEST_WORDS = 4
"""Of a claim that something was cut from."""


def first(pattern: str, by: str, text: str, flags: int = 0) -> str | None:
    made, n = re.subn(pattern, by, text, count=1, flags=flags)
    is_cut_short = len(text.split()) >= _FEWEST_WORDS > len(made.split())
    return tidy(made) if n and not is_cut_short and tidy(made) != tidy(text) else None


def tidy(text: str) -> str:
    text = re.sub(r"\s+([,.;])", r"\1", re.sub(r"\s+", " ", text)).strip()
    text = re.sub(r"[,;]+\.", ".", text)
    return text[:1].upper() + text[1:]


def swapped(text: str, x: "re.Match[str]", y: "re.Match[str]") -> str:
    return text[: x.start()] + y[0] + text[x.end() : y.start()] + x[0] + text[y.end() :]
