"""The launcher of child processes: limits, how an end is told, threads, pipes."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from localcollab.children.launch import ISOLATED, Child, Deadline, run
from localcollab.children.limits import GIB, Limits, memory_for

LIMITS = Limits(memory_for(0), 30)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return tmp_path / "program.py"


def test_a_child_reads_and_writes_and_ends_with_its_status(program: Path) -> None:
    program.write_text("import sys\nprint(sys.argv[1:], input())\nsys.exit(7)\n")
    ended = run(str(program), ["a", "b"], limits=LIMITS, given="hello\n")
    assert (ended.code, ended.cause, ended.out) == (7, "exit", "['a', 'b'] hello\n")


def test_a_module_is_found_where_the_parent_finds_it(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.write_text("print(__name__)\n")
    monkeypatch.syspath_prepend(str(program.parent))
    assert run("program", limits=LIMITS).out == "__main__\n"


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_AS")
def test_too_much_memory_is_told_as_memory(program: Path) -> None:
    program.write_text("held = bytearray(1 << 36)\n")
    ended = run(str(program), limits=Limits(GIB, 30))
    assert (ended.cause, ended.words) == ("memory", "takes more than 1.0 GiB of memory")


def test_too_much_time_is_told_as_time(program: Path) -> None:
    program.write_text("import time\ntime.sleep(60)\n")
    ended = run(str(program), limits=Limits(GIB, 0.2))
    assert (ended.cause, ended.words) == ("time", "takes more than 0.2 s")


@pytest.mark.skipif(os.name != "posix", reason="needs RLIMIT_CPU")
def test_too_much_cpu_time_is_told_as_time(program: Path) -> None:
    program.write_text("while True:\n    pass\n")
    ended = run(str(program), limits=Limits(GIB, 60, cpu_seconds=0))
    assert (ended.cause, ended.words) == ("time", "takes more than 1 s of CPU time")


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_crash_is_told_as_its_signal_with_the_last_words(program: Path) -> None:
    program.write_text(
        "import os, sys\n"
        "print('GGML_ASSERT(false) failed', file=sys.stderr)\n"
        "print('and more', file=sys.stderr, flush=True)\n"
        "os.abort()\n"
    )
    ended = run(str(program), limits=LIMITS)
    assert (ended.cause, ended.words) == (
        "signal", "ended with SIGABRT (GGML_ASSERT(false) failed)",
    )  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="needs rlimits")
def test_limits_are_set_before_the_program_begins(program: Path) -> None:
    program.write_text(
        "import resource\n"
        "print([resource.getrlimit(kind)[0] for kind in "
        "(resource.RLIMIT_CORE, resource.RLIMIT_CPU, resource.RLIMIT_AS)])\n"
    )
    ended = run(str(program), limits=Limits(GIB, 10, cpu_seconds=20))
    assert ended.out == f"[0, 21, {GIB}]\n"


def test_a_child_serves_until_it_is_closed(program: Path) -> None:
    program.write_text(
        "import sys\nfor line in sys.stdin:\n    print(line.upper(), end='', flush=True)\n"
    )
    child = Child(str(program), limits=LIMITS, flags=ISOLATED)
    assert child.process.stdout is not None
    answers = []
    for line in (b"one\n", b"two\n"):
        child.send(line)
        answers.append(child.process.stdout.readline())
    assert (answers, child.is_alive()) == ([b"ONE\n", b"TWO\n"], True)
    child.close()
    assert not child.is_alive()


def test_a_deadline_ends_a_child_that_is_late(program: Path) -> None:
    program.write_text("import time\ntime.sleep(60)\n")
    child = Child(str(program), limits=LIMITS)
    deadline = Deadline(child, 0.1)
    child.process.wait()
    assert deadline.is_late
    child.close()


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_no_file_descriptor_is_left(program: Path) -> None:
    program.write_text("pass\n")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        run(str(program), limits=LIMITS)
        Child(str(program), limits=LIMITS)  # dropped
    with pytest.raises(FileNotFoundError):
        _start_with(sys.executable + ".missing", program)
    assert len(os.listdir("/proc/self/fd")) == before


def _start_with(python: str, program: Path) -> None:
    real, sys.executable = sys.executable, python
    try:
        Child(str(program), limits=LIMITS)
    finally:
        sys.executable = real


def test_a_child_outlives_the_thread_that_started_it(program: Path) -> None:
    program.write_text("print(input())\n")
    started: list[Child] = []
    thread = threading.Thread(target=lambda: started.append(Child(str(program), limits=LIMITS)))
    thread.start()
    thread.join()
    child = started[0]
    child.send(b"still here\n")
    assert child.process.stdout is not None
    assert child.process.stdout.read() == b"still here\n"
    assert child.process.wait() == 0
    child.close()


def test_nothing_here_needs_the_resource_module(program: Path) -> None:
    script = (
        "import sys\n"
        "sys.modules['resource'] = None\n"
        "import localcollab.children.bootstrap as bootstrap\n"
        "import localcollab.children.launch, localcollab.llama.probe, localcollab.llama.forecast\n"
        "import localcollab.llama.machine, localcollab.documents.parsing.child\n"
        "bootstrap.limit('RLIMIT_AS', 1)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
