"""Proposals from what was said before: where the last tokens stood already, they may go on the same way.

A cursor follows the longest earlier copy of the end of the text, token by token, and is looked for again
where copy and text part (as in suffix decoding, arXiv:2411.04975; found by hashes of 2 and 4 tokens). How
far the match goes back says how likely the copy is right.
"""

from collections.abc import Iterable, Sequence

LONGEST_MATCH = 24
"""Beyond that it says no more."""
_SHORT = 2
_MOST_PLACES = 16
"""The last ones; older ones of a frequent pair of tokens cost more than they find."""
_GAP = -1
"""Between two texts."""


class Lookup:
    """Over texts that do not change, and one that grows."""

    def __init__(self, earlier: Iterable[Sequence[int]] = ()) -> None:
        self._tokens: list[int] = []
        self._after_two: dict[tuple[int, ...], list[int]] = {}
        self._after_four: dict[tuple[int, ...], list[int]] = {}
        self._last = (_GAP, _GAP, _GAP, _GAP)
        self._cursor: int | None = None
        for text in earlier:
            self._index([*text, _GAP])
        self._n_earlier = len(self._tokens)
        self.n_matched = 0
        """Tokens at the end of the text that equal those before the cursor, 2 to LONGEST_MATCH."""
        self.is_contested = False
        """An equally long match goes on in another way."""

    @property
    def is_of_earlier_text(self) -> bool:
        return self._cursor is not None and self._cursor < self._n_earlier

    @property
    def expected(self) -> int | None:
        """The token that the copy goes on with."""
        if self._cursor is None or self._cursor >= len(self._tokens):
            return None
        token = self._tokens[self._cursor]
        return None if token == _GAP else token

    def expected_run(self, most: int) -> list[int]:
        """Up to `most` tokens of the copy; none of what is not written yet."""
        if self._cursor is None:
            return []
        run = self._tokens[self._cursor : self._cursor + most]
        return run[: run.index(_GAP)] if _GAP in run else run

    def extend(self, tokens: Sequence[int]) -> None:
        """The text goes on: many tokens at once, as a prompt does."""
        self._index(tokens)
        self._find()

    def add(self, token: int) -> bool | None:
        """The text goes on by one token. Returns whether the copy did as well; None without a copy."""
        expected = self.expected
        self._index((token,))
        if expected == token and self._cursor is not None:
            self._cursor += 1
            self.n_matched = min(self.n_matched + 1, LONGEST_MATCH)
            self.is_contested = False
            return True
        self._find()
        return None if expected is None else False

    def _index(self, tokens: Sequence[int]) -> None:
        """Each token is what follows the two, and the four, before it."""
        known, twos, fours = self._tokens, self._after_two, self._after_four
        a, b, c, d = self._last
        for n, token in enumerate(tokens, len(known)):
            two, four = (c, d), (a, b, c, d)
            if two in twos:
                twos[two].append(n)
            else:
                twos[two] = [n]
            if four in fours:
                fours[four].append(n)
            else:
                fours[four] = [n]
            a, b, c, d = b, c, d, token
        known.extend(tokens)
        self._last = (a, b, c, d)

    def _find(self) -> None:
        self._cursor, self.n_matched, self.is_contested = None, 0, False
        places = self._after_four.get(self._last) or self._after_two.get(self._last[2:])
        if places:
            self._choose(places[-_MOST_PLACES:])

    def _choose(self, places: Sequence[int]) -> None:
        """The longest match; of equally long ones, what most of them go on with, the last of these."""
        tokens = self._tokens
        lengths = {place: self._length(place) for place in places}
        longest = max(lengths.values())
        if longest < _SHORT:  # the gap between two texts
            return
        equals = [place for place, length in lengths.items() if length == longest]
        nexts = [tokens[place] for place in equals]
        chosen = max(range(len(equals)), key=lambda n: (nexts.count(nexts[n]), n))
        self._cursor, self.n_matched = equals[chosen], longest
        self.is_contested = len(set(nexts)) > 1

    def _length(self, place: int) -> int:
        """How many tokens before `place` equal the end of the text."""
        tokens, n = self._tokens, 0
        most = min(LONGEST_MATCH, place)
        while n < most and tokens[place - 1 - n] == tokens[-1 - n] != _GAP:
            n += 1
        return n
