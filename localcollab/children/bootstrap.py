"""The first thing that runs in every child: sets its limits, watches its parent, runs its program.

    python bootstrap.py WATCH LIMIT MEMORY CPU PATH PROGRAM [ARGUMENT ...]

WATCH is the file descriptor of an inherited pipe (on Windows the parent's process id); end of file on it
means that the parent is gone. LIMIT is the rlimit that MEMORY bounds, CPU are seconds, PATH is sys.path.
PROGRAM is a module's name or a script's path, after it the arguments. Only the standard library is used:
a program in isolated mode is started by it as well.
"""

import _thread
import contextlib
import os
import runpy
import signal
import sys

_F_SETSIG = 10  # Linux, fcntl.h


def limit(name: str, soft: int, hard: int | None = None) -> None:
    """Set an rlimit. Does nothing on Windows, and where the system refuses (macOS: RLIMIT_AS)."""
    try:
        import resource
    except ImportError:
        return
    kind = getattr(resource, name, None)
    if kind is None:
        return
    highest = resource.getrlimit(kind)[1]
    hard = highest if hard is None else hard
    if highest != resource.RLIM_INFINITY:
        soft, hard = min(soft, highest), min(hard, highest)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(kind, (soft, hard))


def allow_cpu(seconds: int) -> None:
    """So many seconds of CPU time from now on: for a child that serves one request after another."""
    times = os.times()
    limit("RLIMIT_CPU", int(times.user + times.system) + seconds + 1)


def end_with_parent(watch: int) -> None:
    """Kill this process, and its group where it leads one, as soon as the parent is gone."""
    if sys.platform == "win32":
        _thread.start_new_thread(_wait_for_process, (watch,))
        return
    os.set_inheritable(watch, False)
    # A thread cannot run while C code holds the interpreter's lock (a regular expression): there the
    # kernel's own signal does it, on Linux.
    with contextlib.suppress(ImportError, OSError):
        import fcntl

        owner = -os.getpid() if os.getpgrp() == os.getpid() else os.getpid()
        fcntl.fcntl(watch, fcntl.F_SETOWN, owner)
        if sys.platform == "linux":
            fcntl.fcntl(watch, _F_SETSIG, signal.SIGKILL)
            fcntl.fcntl(watch, fcntl.F_SETFL, os.O_ASYNC)
    _thread.start_new_thread(_wait_for_end_of_file, (watch,))


def _wait_for_end_of_file(watch: int) -> None:
    while os.read(watch, 1):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _wait_for_process(pid: int) -> None:
    import ctypes

    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined, unused-ignore]
    synchronize, forever = 0x00100000, 0xFFFFFFFF
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = kernel.OpenProcess(synchronize, False, pid)
    if handle:
        kernel.WaitForSingleObject(ctypes.c_void_p(handle), forever)
    os._exit(1)


def main(words: list[str]) -> None:
    watch, name, memory, cpu, path, program, *arguments = words
    limit("RLIMIT_CORE", 0, 0)
    limit(name, int(memory), int(memory))
    limit("RLIMIT_CPU", int(cpu))
    end_with_parent(int(watch))
    sys.path[:] = path.split(os.pathsep)
    sys.argv = [program, *arguments]
    if program.endswith(".py"):
        runpy.run_path(program, run_name="__main__")
    else:
        runpy.run_module(program, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
