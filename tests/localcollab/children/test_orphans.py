"""No child outlives its parent, however that ends: every kind of child, and each signal.

`convert inspect` is left out: it is done too soon to tell. It is started as converter and quantizer are.
"""

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from children_driver import KINDS
from conftest import fixture_file

pytestmark = [
    pytest.mark.weights,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="needs /proc"),
]
MARK = "LOCALCOLLAB_TEST_MARK"
SECONDS_TO_START, SECONDS_TO_END = 60, 2
DRIVER = Path(__file__).parents[2] / "children_driver.py"
# Of the innermost child: when it is there, all are.
NAMES = {
    "probe": "llama.probe_child", "forecast": "forecast_child", "template": "template_child",
    "template_in_one_call": "template_child", "parsing": "parsing.child",
    "ocr": "/tesseract",
    "contender": "llama.probe_child", "bench_memory": "llama.probe_child",
    "bench_first_token": "llama.probe_child", "bench_of_convert": "endless_bench",
    "pip_download": "--require-hashes", "converter": "while True",
    "quantizer": "quantize_child",
}  # fmt: skip
SHORT = ("pip_download",)
"""They take little CPU time."""


@pytest.fixture(scope="module")
def endless_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from reversed_rwkv import write_reversed

    out = tmp_path_factory.mktemp("endless") / "reversed.gguf"
    write_reversed(fixture_file("weights", "rwkv-5v2-730K-bytes.f32.gguf"), out)
    return out


def commands_of(mark: str) -> dict[int, str]:
    """The command lines of all processes that inherited this mark, by process id."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes():
                found[int(folder.name)] = (
                    (folder / "cmdline").read_bytes().decode("utf-8", "replace")
                )
        except OSError:  # it ended meanwhile, or is another user's
            continue
    return {pid: command for pid, command in found.items() if command}


def cpu_seconds(pid: int) -> float:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    ticks = sum(map(int, stat.rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def wait_for(kind: str, mark: str, driver: subprocess.Popen[bytes]) -> None:
    """Until the innermost child is there, and its imports lie behind it."""
    end, busy = time.monotonic() + SECONDS_TO_START, 0.1 if kind in SHORT else 0.8
    while time.monotonic() < end:
        for pid, command in commands_of(mark).items():
            if NAMES[kind] in command and cpu_seconds(pid) >= busy:
                return
        assert driver.poll() is None, "the driver ended by itself"
        time.sleep(0.02)
    raise AssertionError("no child was started")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGKILL"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_child_outlives_its_parent(
    kind: str, name: str, endless_model: Path, tmp_path: Path
) -> None:
    mark = uuid.uuid4().hex
    driver = subprocess.Popen(
        [sys.executable, str(DRIVER), kind, str(tmp_path), str(endless_model)],
        env=os.environ | {MARK: mark}, stderr=subprocess.DEVNULL,
        # Under nohup a hangup is ignored, by what is started as well.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )  # fmt: skip
    try:
        wait_for(kind, mark, driver)
        assert len(commands_of(mark)) >= 2, "it was done too soon to tell"
        driver.send_signal(getattr(signal, name))
        driver.wait()
        end = time.monotonic() + SECONDS_TO_END
        while (left := commands_of(mark)) and time.monotonic() < end:
            time.sleep(0.02)
        assert not left
    finally:
        driver.kill()
        driver.wait()
        for pid in commands_of(mark):
            os.kill(pid, signal.SIGKILL)
