"""The parent's side of `child`: starts it, asks it, ends it when it takes too long, starts another."""

import json
import os
from collections.abc import Generator, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from localcollab.children.launch import Child, Deadline
from localcollab.children.limits import DAY
from localcollab.children.limits import Limits as ChildLimits
from localcollab.documents.parsing.limits import Limits
from localcollab.documents.parsing.section import Section
from localcollab.documents.records import Status
from localcollab.errors import LocalcollabError


@dataclass(frozen=True, slots=True)
class Task:
    path: Path
    known_sha256: str = ""
    """If the file's bytes have this hash they are not parsed."""
    stamp: str = ""
    """Handed back with the answer."""
    ocr: str = ""
    """Languages of its pages that are pictures; empty: they are not read."""


@dataclass(frozen=True, slots=True)
class Parsed:
    status: Status
    error: str
    format: str
    sha256: str
    size_bytes: int
    sections: tuple[Section, ...] = ()
    pictures: tuple[tuple[int, str], ...] = ()
    """Number and heading of each page without text."""
    is_same: bool = False
    """The bytes are the known ones; nothing else is set."""
    may_pass: bool = False
    """What went wrong lies not in the file's bytes: worth another try next time."""


class Reader:
    """Reads files one after another; no file ends the program, whatever is in it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._child: Child | None = None
        self._watch: _Watch | None = None

    def read(self, tasks: Iterable[Task]) -> Generator[tuple[Task, Parsed]]:
        """In their order. The child reads the next file while the caller is busy with the last."""
        asked: tuple[Task, _Watch] | None = None
        for task in tasks:
            done = (asked[0], self._answer(asked[1])) if asked else None
            asked = task, self._ask(task)
            if done:
                yield done
        if asked:
            yield asked[0], self._answer(asked[1])

    def close(self) -> None:
        if self._watch is not None:
            self._watch.stop()
        if self._child is not None:
            self._child.close()
            self._child = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _ask(self, task: Task) -> "_Watch":
        child = self._running()
        request = {
            "path": os.fspath(task.path), "known": task.known_sha256, "reads_pictures": bool(task.ocr),
        }  # fmt: skip
        child.send(json.dumps(request).encode() + b"\n")
        self._watch = _Watch(child, self._limits.seconds)
        return self._watch

    def _answer(self, watch: "_Watch") -> Parsed:
        line = watch.line()
        if line.endswith(b"\n"):
            answer = json.loads(line)
            if answer.get("broken"):
                self.close()
            return _to_parsed(answer)
        self.close()
        reason = (
            f"takes more than {self._limits.seconds:g} s to read"
            if watch.is_late
            else f"reading it ended its process (status {watch.returncode})"
        )
        return Parsed("failed", reason, "", "", 0)

    def _running(self) -> Child:
        if self._child is None or not self._child.is_alive():
            self.close()
            self._child = _start(self._limits)
        return self._child


class _Watch:
    """One request under way: its clock starts now."""

    def __init__(self, child: Child, seconds: float) -> None:
        self._process = child.process
        self._deadline = Deadline(child, seconds)

    def line(self) -> bytes:
        """Empty or without its end where the child died."""
        assert self._process.stdout is not None
        try:
            return self._process.stdout.readline()
        finally:
            self.stop()

    def stop(self) -> None:
        self._deadline.stop()

    @property
    def is_late(self) -> bool:
        return self._deadline.is_late

    @property
    def returncode(self) -> int:
        return self._process.wait()


def _start(limits: Limits) -> Child:
    # One process reads many files: it counts the CPU time of each by itself.
    child = Child(
        "localcollab.documents.parsing.child", (_as_json(limits),),
        limits=ChildLimits(limits.memory_bytes, DAY),
    )  # fmt: skip
    assert child.process.stdout is not None
    if not child.process.stdout.readline().endswith(b"\n"):
        raise LocalcollabError(
            f"the process that reads documents does not start (status {child.close()}): "
            "run localcollab doctor"
        )
    return child


def _as_json(limits: Limits) -> str:
    return json.dumps(asdict(limits))


def _to_parsed(answer: dict[str, Any]) -> Parsed:
    return Parsed(
        status=answer["status"],
        error=answer["error"],
        format=answer["format"],
        sha256=answer["sha256"],
        size_bytes=answer.get("size_bytes", 0),
        sections=tuple(Section(*section) for section in answer.get("sections", ())),
        pictures=tuple((page, heading) for page, heading in answer.get("pictures", ())),
        is_same=answer.get("same", False),
        may_pass=answer.get("may_pass", False),
    )
