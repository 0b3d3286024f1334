"""Saves an answer while it streams: pass it every event of `Session.ask`.

Tokens are saved in small transactions, every `EVERY_TOKENS` or `EVERY_SECONDS`, whichever is first.
"""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from localcollab.events import Event, Finished, Retracted, Token, Unfamiliar

EVERY_TOKENS = 32
EVERY_SECONDS = 0.25


class StoresAnswers(Protocol):
    """A `History`."""

    def append_tokens(self, answer: int, tokens: Sequence[Token]) -> None: ...
    def take_back(self, answer: int, n_tokens: int) -> None: ...
    def finish_answer(
        self,
        answer: int,
        finished: Finished,
        unfamiliar: tuple[Unfamiliar, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> None: ...
    def stop_answer(self, answer: int, notes: tuple[str, ...] = ()) -> None: ...
    def fail_answer(self, answer: int, error: str, notes: tuple[str, ...] = ()) -> None: ...


class Recorder:
    """For one answer, used by one thread; `message` is the answer's id. As a context manager it marks
    the answer `failed` after an error, and `stopped` when it is left early."""

    def __init__(self, history: StoresAnswers, message: int) -> None:
        self._history, self.message = history, message
        self._tokens: list[Token] = []
        self._unfamiliar: list[Unfamiliar] = []
        self._notes: list[str] = []
        self._saved = time.monotonic()
        self._is_open = True

    def add(self, event: Event) -> None:
        """Save an event; `Finished` ends the answer. Raises `BadHistory`."""
        match event:
            case Token():
                self._tokens.append(event)
                is_time = time.monotonic() - self._saved >= EVERY_SECONDS
                if is_time or len(self._tokens) >= EVERY_TOKENS:
                    self.save()
            case Retracted():
                self.save()
                self._history.take_back(self.message, event.n_tokens)
                self.note(event.note)
            case Unfamiliar():
                self._unfamiliar.append(event)
            case Finished(confidence_line=confidences):
                self.save()
                if confidences:
                    self.note(confidences)
                self._history.finish_answer(
                    self.message, event, tuple(self._unfamiliar), tuple(self._notes)
                )
                self._is_open = False

    def note(self, line: str) -> None:
        """Store a line with the answer, such as "old turns were left out"."""
        self._notes.append(line)

    def save(self) -> None:
        """Save the tokens that are not saved yet."""
        if self._tokens:
            self._history.append_tokens(self.message, self._tokens)
            self._tokens = []
        self._saved = time.monotonic()

    def stop(self) -> None:
        """End the answer as `stopped`; the partial answer is kept."""
        if self._is_open:
            self.save()
            self._history.stop_answer(self.message, tuple(self._notes))
            self._is_open = False

    def fail(self, error: str) -> None:
        """End the answer as `failed`; the partial answer is kept."""
        if self._is_open:
            self.save()
            self._history.fail_answer(self.message, error, tuple(self._notes))
            self._is_open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception):
            self.fail(str(error))
        else:
            self.stop()
