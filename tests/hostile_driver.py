"""Runs the command line once for each case, in processes forked from one that imported it all.

Only the imports are shared: a case has a process of its own, ends through the interpreter's own
exit, and its probe starts a child as always. Reads cases as JSON lines, writes one result a line:
the exit status (below zero: the signal), seconds, and what was written.

    python hostile_driver.py CASES RESULTS SECONDS_ALLOWED
"""

import contextlib
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

MEMORY_BYTES = 6 * 2**30
_AT_ONCE = 2
_TIMES_WAITED = 5
"""On a machine that is busy, a process gets a share of the time only."""


def start(case: dict[str, Any], folder: Path, cpu: int) -> int:
    """The process id; returns only in the parent, the child goes on to the command line."""
    pid = os.fork()
    if pid:
        return pid
    # One core: on a busy machine llama.cpp's threads would wait for each other.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {cpu})
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    stdin = folder / f"{case['name']}.in"
    stdin.write_bytes(bytes.fromhex(case["stdin"]))
    _redirect(0, stdin, os.O_RDONLY)
    for number, kind in ((1, "out"), (2, "err")):
        _redirect(number, folder / f"{case['name']}.{kind}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.environ.update(case["environment"])
    sys.argv = ["localcollab", *(os.fsdecode(bytes.fromhex(a)) for a in case["arguments"])]
    if case["as_nobody"]:
        os.seteuid(65534)
    return 0


def _redirect(number: int, path: Path, flags: int) -> None:
    file = os.open(path, flags, 0o600)
    os.dup2(file, number)
    os.close(file)


def collect(running: dict[int, tuple[dict[str, Any], float]], allowed: float) -> list[str]:
    """Results of those that ended; who takes too long is killed."""
    results = []
    for pid, (case, began) in list(running.items()):
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        seconds = time.monotonic() - began
        if ended:
            del running[pid]
            code = os.waitstatus_to_exitcode(status)
            results.append(
                json.dumps(
                    {
                        "name": case["name"],
                        "code": code,
                        "seconds": round(seconds, 2),
                        "peak_bytes": usage.ru_maxrss * 1024,
                    }
                )
            )
        elif _cpu_seconds(pid) > allowed or seconds > _TIMES_WAITED * allowed:
            os.kill(pid, signal.SIGKILL)
    return results


def _cpu_seconds(pid: int) -> float:
    """Of a process that has not been waited for, where the system tells."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(cases: Path, results: Path, allowed: float) -> bool:
    """Returns True in a child, which then is one run of the command line."""
    waiting = [json.loads(line) for line in cases.read_text().splitlines()]
    cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    running: dict[int, tuple[dict[str, Any], float]] = {}
    with results.open("w") as out:
        while waiting or running:
            while waiting and len(running) < _AT_ONCE:
                case = waiting.pop(0)
                pid = start(case, results.parent, cpus[len(waiting) % len(cpus)])
                if not pid:
                    return True
                running[pid] = case, time.monotonic()
            out.writelines(line + "\n" for line in collect(running, allowed))
            time.sleep(0.005)
    return False


if __name__ == "__main__":
    # As the command line would import them, but once.
    from localcollab.cli import commands
    from localcollab.cli import main as cli
    from localcollab.errors import LocalcollabError

    # What a first use imports, it imports here.
    with contextlib.suppress(LocalcollabError):
        commands.app(["run", "--base", "missing.gguf", "x"], standalone_mode=False)
    if main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])):
        cli.main()
