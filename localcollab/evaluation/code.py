"""Whether Python code passes its tests: run in a child process, with limits, in an empty folder.

The child refuses the network, other processes and files outside its folder, and has nothing of the
user's environment. That stops accidents; it is no wall against code that is written to escape, so
nothing is run unless the caller has allowed it.
"""

import json
import secrets
import tempfile
from pathlib import Path

from localcollab.children import launch
from localcollab.children.limits import Limits, memory_for

_CHILD = str(Path(__file__).with_name("code_child.py"))
SECONDS = 10.0
"""Of one answer with its tests."""


def passes(code: str, tests: str) -> bool:
    """An error, a limit, or an end before the last test is a failure."""
    passed = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="localcollab-code-") as folder:
        given = {"code": code, "tests": tests, "folder": folder, "passed": passed}
        limits = Limits(memory_for(0), SECONDS, cpu_seconds=SECONDS)
        ended = launch.run(_CHILD, limits=limits, given=json.dumps(given))
    return ended.code == 0 and ended.out == passed
