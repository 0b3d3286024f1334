"""Reads one damaged file after another, as it is asked to on standard input; `fuzzing` starts it.

    python fuzz_child.py FOLDER [COVERED_MODULE ...]

A request is a kind, a tab and a path, or empty for the lines covered so far; an answer is a line of
JSON. With modules, their covered lines are counted, which is slow.
"""

import json
import os
import re
import sys
import time
import traceback
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

_OURS = re.compile(r"/(localcollab\w*/.*)$")


def serve(folder: Path, modules: list[str], out: Any) -> None:
    measured = _start_coverage(modules)
    from fuzz_readers import READERS

    for line in sys.stdin:
        kind, _, path = line.rstrip("\n").partition("\t")
        answer = _read(READERS[kind], Path(path), folder) if kind else _coverage(measured)
        out.write(json.dumps(answer) + "\n")
        out.flush()


def _read(reader: Any, path: Path, folder: Path) -> dict[str, Any]:
    """`end`: accepted, refused or defect. `key`: equal for equal defects."""
    answer = {"end": "accepted", "passed": False, "key": "", "text": ""}
    _forget_peak()
    began = time.process_time()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            for passed in reader.read(path, folder):
                answer["passed"] = passed
        except reader.errors as error:
            answer |= {"end": "refused", "text": str(error)[:300]}
        except Exception as error:
            answer |= {"end": "defect", "key": _key(error), "text": _text(error)}
    odd = [each for each in warned if issubclass(each.category, RuntimeWarning | UserWarning)]
    if odd and answer["end"] != "defect" and not reader.hides_warnings:
        where = f"{odd[0].filename}:{odd[0].lineno}"
        answer |= {"end": "defect", "key": f"warning at {where}", "text": str(odd[0].message)}
    return answer | {"seconds": time.process_time() - began, "peak_bytes": _peak()}


def _key(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f"{found[1]}:{f.lineno}" for f in frames if (found := _OURS.search(f.filename))]
    return f"{type(error).__name__} at {ours[-1] if ours else 'no place of ours'}"


def _text(error: Exception) -> str:
    return "".join(traceback.format_exception(error))[-6000:]


def _forget_peak() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    with suppress(OSError):
        found = re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())
        return 1024 * int(found[1]) if found else 0
    return 0


def _start_coverage(modules: list[str]) -> Any:
    if not modules:
        return None
    import coverage

    root = Path(__file__).parents[1]
    include = []
    for module in modules:
        place = module.replace(".", "/")
        base = root / ("tui" if module.startswith("localcollab_tui") else "")
        include += [str(base / (place + ".py")), str(base / place / "*.py")]
    measured = coverage.Coverage(data_file=None, include=include)
    measured.start()
    return measured


def _coverage(measured: Any) -> dict[str, list[int]]:
    """File -> lines covered, lines with code."""
    measured.stop()
    found = {}
    for file in measured.get_data().measured_files():
        _, lines, _, missing, _ = measured.analysis2(file)
        found[_OURS.search(file)[1]] = [len(lines) - len(missing), len(lines)]  # type: ignore[index]
    measured.start()
    return found


if __name__ == "__main__":
    import faulthandler

    faulthandler.enable()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nothing that is printed may look like an answer
    serve(Path(sys.argv[1]), sys.argv[2:], answers)
