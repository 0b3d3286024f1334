"""OpenAI's own client for Node against a server on loopback."""

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from localcollab.children.launch import Child
from localcollab.children.limits import GIB, Limits

_TESTS = Path(__file__).parents[2]
NODE_MODULES = os.environ.get("LOCALCOLLAB_NODE_MODULES", "")
"""A folder node_modules with npm's openai, which is not among what the tests install."""
TEA = "Pour water over the leaves. It should have eighty degrees, and two minutes are enough."


@pytest.mark.slow
def test_its_calls() -> None:
    node = shutil.which("node")
    if node is None or not Path(NODE_MODULES, "openai").is_dir():
        pytest.skip("needs node, and LOCALCOLLAB_NODE_MODULES with npm's openai")
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = str(found.getsockname()[1])
    server = Child(str(_TESTS / "server_driver.py"), (port,), limits=Limits(8 * GIB, 120), flags=())
    try:
        assert server.process.stdout is not None
        assert server.process.stdout.readline() == b"ready\n"
        ended = subprocess.run(
            [node, str(_TESTS / "openai_client.cjs"), port], capture_output=True, text=True,
            timeout=120, check=False, env={**os.environ, "NODE_PATH": NODE_MODULES},
        )  # fmt: skip
    finally:
        server.close()
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == {
        "models": ["tea", "letters"],
        "model": "localcollab",
        "chat": [TEA, {"base": 27, "expert": 59}],
        "stream": [TEA, 86],
        "helper": TEA,
        "completions": "Pour",
        "embeddings": 2,
        "responses": TEA,
        "stream of a response": TEA,
        "tools": ["tool_calls", "weather", {"place": "Oslo"}],
        "json schema": {"place": "Oslo"},
        "unknown model": "NotFoundError: 404",
        "unknown option": "BadRequestError: 400",
        "an answer that is given up": True,
    }
