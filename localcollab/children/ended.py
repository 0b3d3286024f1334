"""How a child ended, told apart and in plain words: by itself, over a limit, or by a signal."""

import re
import signal
from dataclasses import dataclass
from typing import Literal

from localcollab.children.limits import GIB, Limits

Cause = Literal["exit", "memory", "time", "signal"]

_NO_MEMORY = re.compile(
    r"MemoryError|bad_alloc|[Cc]annot allocate memory|[Uu]nable to allocate|insufficient memory"
    r"|failed to allocate|[Oo]ut of memory|cannot allocate|can't allocate|can't start new thread"
)
"""As Python, NumPy, C++, ggml and the C library say it."""
_TELLING = re.compile(r"GGML_ASSERT|what\(\)|[Ee]rror")
"""Where a program says why it ends; lines of other libraries may follow."""
_XCPU = getattr(signal, "SIGXCPU", None)


@dataclass(frozen=True, slots=True)
class Ended:
    """`code` as of subprocess: below zero the signal."""

    code: int
    out: str
    err: str
    limits: Limits
    is_late: bool = False
    """It was killed when its wall-clock time was over."""

    @property
    def cause(self) -> Cause:
        if self.is_late or (_XCPU is not None and self.code == -_XCPU):
            return "time"
        if self.code and _NO_MEMORY.search(self.err):
            return "memory"
        return "signal" if self.code < 0 else "exit"

    @property
    def last_line(self) -> str:
        """The line of its messages that tells most; 200 characters at most."""
        lines = [line for line in self.err.strip().splitlines() if line.strip()]
        telling = next((line for line in reversed(lines) if _TELLING.search(line)), None)
        return (telling or (lines[-1] if lines else "no message")).strip()[:200]

    @property
    def words(self) -> str:
        """A predicate, such as "takes more than 60 s"."""
        if self.cause == "time" and not self.is_late:
            return f"takes more than {self.limits.cpu} s of CPU time"
        if self.cause == "time":
            return over_time(self.limits)
        if self.cause == "memory":
            return over_memory(self.limits)
        if self.cause == "signal":
            return f"ended with {signal_name(self.code)} ({self.last_line})"
        return f"ended with status {self.code} ({self.last_line})"


def over_time(limits: Limits) -> str:
    return f"takes more than {limits.seconds:g} s"


def over_memory(limits: Limits) -> str:
    return f"takes more than {limits.memory_bytes / GIB:.1f} GiB of memory"


def signal_name(code: int) -> str:
    """Of a return code below zero."""
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
