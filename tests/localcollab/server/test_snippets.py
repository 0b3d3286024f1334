"""The snippets of docs/server.md, run against a server on loopback."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcollab.children.launch import Child
from localcollab.children.limits import GIB, Limits

pytestmark = pytest.mark.slow
_TESTS = Path(__file__).parents[2]
NODE_MODULES = os.environ.get("LOCALCOLLAB_NODE_MODULES", "")
_AUTHORS = re.compile(r"\{\W*base\W*27\W*expert\W*59\W*\}")


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        number = str(found.getsockname()[1])
    driver = str(_TESTS / "server_driver.py")
    server = Child(driver, (number,), limits=Limits(8 * GIB, 120), flags=())
    assert server.process.stdout is not None
    assert server.process.stdout.readline() == b"ready\n"
    yield number
    server.close()


def snippet(title: str, port: str) -> str:
    """The first block of code below a title."""
    text = (_TESTS.parent / "docs" / "server.md").read_text(encoding="utf-8")
    code = text.split(f"**{title}**", 1)[1].split("```", 2)[1].split("\n", 1)[1]
    return code.replace("8765", port).replace('"formulary"', '"tea"')


def run(*command: str) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_curl(port: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    assert '"content":"Pour water over the leaves.' in run("sh", "-c", snippet("curl", port))


def test_python(port: str) -> None:
    pytest.importorskip("openai")
    said = run(sys.executable, "-c", snippet("openai-python", port))
    assert said.startswith("Pour water over the leaves.")
    assert _AUTHORS.search(said)


def test_node(port: str, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not Path(NODE_MODULES, "openai").is_dir():
        pytest.skip("needs node, and LOCALCOLLAB_NODE_MODULES with npm's openai")
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    (tmp_path / "snippet.mjs").write_text(snippet("openai-node", port), encoding="utf-8")
    assert _AUTHORS.search(run(node, str(tmp_path / "snippet.mjs")))
