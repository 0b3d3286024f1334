"""The words around unsure tokens: what an answer's `double-check` lists.

A word stands between blanks. In scripts that are written without blanks (Chinese, Japanese, Thai, Lao,
Khmer, Burmese) every character stands alone, so that a place is what was unsure and not a whole
sentence.
"""

import re
from collections.abc import Iterable, Iterator

from localcollab.events import Token

ALONE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""The characters of scripts without blanks, as a regular expression's ranges."""
_WORD = re.compile(rf"[{ALONE}]|[^\s{ALONE}]+")
_TELLS = re.compile(rf"[{ALONE}]|\d|\w{{4}}")
"""A number or a word of four letters: shorter ones are seldom what is wrong with an answer."""


def unsure_words(text: str, unsure: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """(start, end) of the words around the `unsure` spans of characters, joined where they touch."""
    runs: list[tuple[int, int]] = []
    words = [match.span() for match in _WORD.finditer(text)]
    at = 0
    for start, end in unsure:
        while at and words[at - 1][1] > start:
            at -= 1
        while at < len(words) and words[at][1] <= start:
            at += 1
        for word in words[at:]:
            if word[0] >= end:
                break
            if runs and word[0] <= runs[-1][1] + 1:
                runs[-1] = (runs[-1][0], max(word[1], runs[-1][1]))
            else:
                runs.append(word)
    for start, end in runs:
        if _TELLS.search(text[start:end]):
            yield _without_edges(text, start, end)


def spans_of_unsure(tokens: Iterable[Token]) -> tuple[str, list[tuple[int, int]]]:
    """The text of an answer's tokens, and the spans of the unsure ones."""
    text, spans = "", list[tuple[int, int]]()
    for token in tokens:
        if token.unsure:
            spans.append((len(text), len(text) + len(token.text)))
        text += token.text
    return text, spans


def _without_edges(text: str, start: int, end: int) -> tuple[int, int]:
    """Without punctuation around it."""
    inner = list(re.finditer(r"\w", text[start:end]))
    return start + inner[0].start(), start + inner[-1].end()
