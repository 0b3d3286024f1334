"""A streamed answer in a terminal or a pipe: which model wrote what, and where to double-check.

A colour and a mark: an expert's words stand in ‹brackets› with its number, which NO_COLOR and pipes
keep. Control characters in a model's text are made visible, never obeyed.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, TextIO

from localcollab.events import Retracted, Token, Unfamiliar
from localcollab.terminal.streams import writing_output
from localcollab.terminal.unsure_words import unsure_words
from localcollab.terminal.visible_text import visible

_COLOURS = ("36", "33", "35", "32", "34", "31")  # cyan, yellow, magenta, green, blue, red
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_UNDERLINE, _RESET = "\x1b[4m", "\x1b[0m"
_REASONS = {
    "max_tokens": "the answer was cut at the maximum number of tokens",
    "context": "the answer was cut: the context is full",
    "stopped": "the answer was stopped",
    "repetition": "the answer was ended because it repeated itself",
}


def supports_colour() -> bool:
    """NO_COLOR (no-color.org) and TERM=dumb turn colours off."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Ended(Protocol):
    """What a summary says of a finished answer, streamed or stored."""

    @property
    def reason(self) -> str: ...
    @property
    def authors(self) -> Mapping[str, int]: ...
    @property
    def n_repeated(self) -> int: ...
    @property
    def tokens_per_second(self) -> float: ...


class Painter:
    """Writes tokens as they arrive; a run of one author is in one pair of brackets."""

    def __init__(self, out: TextIO, authors: Sequence[str], *, colour: bool, marks: bool) -> None:
        self._out, self._colour, self._marks = out, colour, marks
        self._numbers = {author: n for n, author in enumerate(authors)}
        self._open: str | None = None
        self._ends_line = True
        self._text = ""
        self._unsure: list[tuple[int, int]] = []
        self._unfamiliar: list[str] = []

    def write(self, token: Token) -> None:
        if not token.text:
            return
        text = visible(token.text)
        if token.author != self._open:
            self._close_run()
            # The space before an expert's first word is outside its bracket.
            blanks = text[: len(text) - len(text.lstrip())]
            self._emit(blanks)
            self._open_run(token.author)
            self._emit(self._painted(text[len(blanks) :], token.author, token.unsure))
        else:
            self._emit(self._painted(text, token.author, token.unsure))
        if token.unsure:
            self._unsure.append((len(self._text), len(self._text) + len(text)))
        self._text += text
        self._ends_line = text.endswith("\n")
        self._flush()

    def take_back(self, event: Retracted) -> None:
        """What was written last is no part of the answer; what follows stands on a line of its own."""
        self.close()
        self._text = self._text[: len(self._text) - len(visible(event.text))]
        self._unsure = [span for span in self._unsure if span[1] <= len(self._text)]

    def add_unfamiliar(self, event: Unfamiliar) -> None:
        self._unfamiliar.append(f"{event.expert} does not know {visible(event.name)}")

    def close(self) -> None:
        self._close_run()
        if not self._ends_line:
            self._emit("\n")
            self._ends_line = True
        self._flush()

    def summary(self, finished: Ended, remedies: Mapping[str, str] | None = None) -> Iterator[str]:
        """The lines below an answer: why it was cut, authors, double-check. `remedies`: what to do about
        a reason, by reason."""
        if finished.reason in _REASONS:
            remedy = (remedies or {}).get(finished.reason)
            n = finished.n_repeated
            folded = f" ({n} repeated tokens are not a part of it)" if n else ""
            yield _REASONS[finished.reason] + folded + (f": {remedy}" if remedy else "")
        if len(self._numbers) > 1:
            authors = sorted(finished.authors.items(), key=lambda item: self._number(item[0]))
            shares = (f"{self._name(author)} {n}" for author, n in authors)
            yield f"tokens: {', '.join(shares)} ({finished.tokens_per_second:.0f} a second)"
        places = [*self._unfamiliar, *self.unsure_places()]
        if places:
            yield f"double-check: {' · '.join(places)}"

    def unsure_places(self) -> list[str]:
        """The words around the unsure tokens, each once."""
        spans = unsure_words(self._text, self._unsure)
        return list(dict.fromkeys(" ".join(self._text[start:end].split()) for start, end in spans))

    def _name(self, author: str) -> str:
        number = self._number(author)
        return (
            f"{author}{str(number).translate(_SUPERSCRIPTS)}" if number and self._marks else author
        )

    def _number(self, author: str) -> int:
        """A nested author (`expert/anti`) has its member's number."""
        return self._numbers.get(author.split("/")[0], 0)

    def _painted(self, text: str, author: str, unsure: bool) -> str:
        if not self._colour:
            return text
        number = self._number(author)
        colour = f"\x1b[{_COLOURS[(number - 1) % len(_COLOURS)]}m" if number else ""
        style = colour + (_UNDERLINE if unsure else "")
        return f"{style}{text}{_RESET}" if style else text

    def _open_run(self, author: str) -> None:
        self._open = author
        if self._marks and self._number(author):
            self._emit("‹")

    def _close_run(self) -> None:
        if self._open is not None and self._marks and self._number(self._open):
            self._emit("›" + str(self._number(self._open)).translate(_SUPERSCRIPTS))
        self._open = None

    def _emit(self, text: str) -> None:
        encoding = getattr(self._out, "encoding", None) or "utf-8"
        with writing_output():
            self._out.write(text.encode(encoding, "replace").decode(encoding))

    def _flush(self) -> None:
        with writing_output():
            self._out.flush()
