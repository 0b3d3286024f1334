"""Does an answer's word stand in the prompt? What repeats the prompt is seldom what is wrong.

Asked token by token, while the answer is written: a word counts as one of the prompt's for as long as a
word of the prompt begins with it.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from localcollab.terminal.unsure_words import ALONE

_UNITS = re.compile(rf"(?=([{ALONE}]{{1,2}}))|(?<![^\W{ALONE}])([^\W{ALONE}]+)")
"""Words; in scripts without blanks, every character with the next one."""
_LAST = re.compile(rf"(?:[{ALONE}]|[^\W{ALONE}]+)\Z")


class PromptWords:
    """The words of one prompt, and the answer's word that is being written."""

    def __init__(self, prompt: Sequence[int], piece: Callable[[int], bytes]) -> None:
        text = b"".join(map(piece, prompt)).decode("utf-8", "replace")
        self._units = sorted(set(_units(text)))
        self._piece = piece
        self._last = ""

    def begins_one(self, token: int) -> bool:
        """Whether words of the prompt begin with what `token` begins or goes on with; True where it
        writes no word (blanks, punctuation, a part of a character)."""
        text = self._last + self._piece(token).decode("utf-8", "ignore")
        last = _LAST.search(text)
        self._last = last.group() if last else ""
        return all(map(self._begins, _units(text)))

    def _begins(self, unit: str) -> bool:
        at = bisect_left(self._units, unit)
        return at < len(self._units) and self._units[at].startswith(unit)


def _units(text: str) -> Iterator[str]:
    return (match[1] or match[2] for match in _UNITS.finditer(text.casefold()))
