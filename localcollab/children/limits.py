"""What a child process may take: memory, CPU time, wall-clock time."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MIB, GIB = 2**20, 2**30
DAY = 86_400.0
SLOWEST_BYTES_A_SECOND = 20e6

_BASE_BYTES = 3 * GIB // 2
"""Address space of Python, NumPy, llama.cpp and a model's vocabulary, generously."""
_THREAD_BYTES = 160 * MIB
"""Address space of a thread: its stack, its heap as the C library reserves it, its BLAS buffer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Enforced by the operating system where it can (Linux; macOS limits CPU time only).

    Windows has none of these limits: there the wall-clock time alone ends a child.
    """

    memory_bytes: int
    seconds: float
    """Wall-clock time of the whole life of a child that is run; of one request to one that serves."""
    cpu_seconds: float | None = None
    """None: `seconds` on every core."""
    reserves: bool = False
    """It reserves address space that it never takes, as GPU libraries do: limit its data instead."""

    @property
    def cpu(self) -> int:
        """Whole seconds of CPU time."""
        if self.cpu_seconds is not None:
            return int(self.cpu_seconds) + 1
        return int(self.seconds * (os.cpu_count() or 1)) + 1


def memory_for(file_bytes: int, *, copies: int = 2) -> int:
    """Address space to open files in: mapped, and repacked (`copies`), beside the libraries."""
    return _BASE_BYTES + (os.cpu_count() or 1) * _THREAD_BYTES + copies * file_bytes


def machine_bytes() -> int:
    """All memory of this machine; 64 GiB where it does not say."""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 64 * GIB


def for_files(files: Iterable[Path], *, seconds: float, copies: int = 2) -> Limits:
    """For a child that only looks at files: what they are worth, and time to read them once."""
    size = size_of(files)
    return Limits(memory_for(size, copies=copies), seconds + size / SLOWEST_BYTES_A_SECOND)


def whole_machine(
    files: Iterable[Path] = (), *, seconds: float = 7 * DAY, reserves: bool = False
) -> Limits:
    """For a child that does the user's own work: all memory there is, with these files mapped in it."""
    return Limits(machine_bytes() + memory_for(size_of(files)), seconds, reserves=reserves)


def size_of(files: Iterable[Path]) -> int:
    """Bytes of those that are here, each once."""
    return sum(path.stat().st_size for path in set(files) if path.is_file())
