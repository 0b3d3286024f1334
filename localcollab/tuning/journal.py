"""Every answer as it was given, in a file that grows: a run that was stopped goes on where it was.

One JSON object a line, in a folder whose name is a digest of everything that decides an answer. A line
that was cut off, or that somebody changed into no answer, is asked again.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from localcollab.errors import BadOption
from localcollab.storage.locking import try_lock
from localcollab.storage.os_errors import explained

_FILE = "answers.jsonl"


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody said to one question."""

    text: str
    score: float
    right: bool
    seconds: float
    authors: dict[str, int]
    """Tokens by author."""
    confidence: float | None = None
    """Nats a token; of a choice the log of its share."""

    @property
    def n_tokens(self) -> int:
        """The end token counts: an empty answer is not free."""
        return sum(self.authors.values()) + 1


Key = tuple[str, str, int, int]
"""Who, in which form, which sample (0: greedy), which question."""


class Journal:
    """Raises `BadOption` where another run is writing to it, or the folder cannot be written."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / _FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = self.path.open("a+b")
        except OSError as error:
            raise BadOption(f"`work`: {explained(error, self.path)}") from error
        if not try_lock(self._file.fileno()):
            self._file.close()
            raise BadOption(f"`work`: another run is writing to {folder}: wait for it, or stop it")
        self._file.seek(0)
        self._known = dict(_read(self._file))
        self._end_line()

    def _end_line(self) -> None:
        """So that what a stopped run left unfinished spoils no further line."""
        if self._file.seek(0, os.SEEK_END):
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")

    def __contains__(self, key: Key) -> bool:
        return key in self._known

    def __getitem__(self, key: Key) -> Answer:
        return self._known[key]

    def __len__(self) -> int:
        return len(self._known)

    def add(self, key: Key, answer: Answer) -> None:
        line = json.dumps({"key": list(key), **asdict(answer)}) + "\n"
        self._file.write(line.encode("ascii"))
        self._file.flush()
        self._known[key] = answer

    def close(self) -> None:
        self._file.close()


def _read(lines: IO[bytes]) -> Iterator[tuple[Key, Answer]]:
    for line in lines:
        try:
            yield _parse(json.loads(line))
        except (ValueError, KeyError, TypeError, RecursionError):
            continue


def _parse(record: Any) -> tuple[Key, Answer]:
    who, form, sample, question = record.pop("key")
    answer = Answer(**record)
    numbers = (answer.score, answer.seconds, *answer.authors.values(), sample, question)
    if not all(isinstance(number, (int, float)) for number in numbers):
        raise TypeError("a number is expected")
    if not all(isinstance(text, str) for text in (answer.text, who, form)):
        raise TypeError("a text is expected")
    if not isinstance(answer.confidence, (float, int, type(None))):
        raise TypeError("a number is expected")
    return (who, form, int(sample), int(question)), answer
