"""A real server on loopback, and clients that mean harm."""

import json
import socket
from pathlib import Path

import pytest

from localcollab.children.launch import Child, run
from localcollab.children.limits import GIB, Limits

_TESTS = Path(__file__).parents[2]
_LIMITS = Limits(8 * GIB, 120)


@pytest.mark.slow
def test_the_server_survives_what_is_tried() -> None:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    server = Child(str(_TESTS / "server_driver.py"), (str(port),), limits=_LIMITS, flags=())
    try:
        assert server.process.stdout is not None
        assert server.process.stdout.readline() == b"ready\n"
        ended = run(str(_TESTS / "server_attacks.py"), (str(port),), limits=_LIMITS)
        assert ended.code == 0, ended.err
        answers = json.loads(ended.out)
        assert server.is_alive()
    finally:
        server.close()
    statuses = {name: (line.split(" ")[1] if " " in line and "HTTP" in line else line)
                for name, line in answers.items()}  # fmt: skip
    assert statuses == {
        "foreign host": "403",
        "no host": "403",
        "two hosts": "400",
        "foreign origin": "403",
        "path": "404",
        "coded path": "404",
        "absolute path": "404",
        "header flood": "431",
        "long header": "400",
        "not HTTP": "400",
        "bad length": "400",
        "two lengths": "400",
        "slow head": "closed",
        "slow body": "408",
        "nothing at all": "closed",
        "many streams": "some refused",
        "and after all": "200",
    }
