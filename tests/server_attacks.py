"""What somebody who can connect may try. Runs in a process of its own: tests open no connections.

    python tests/server_attacks.py PORT

Prints one JSON object: what was tried, and how it ended.
"""

import json
import socket
import sys
import time
from collections.abc import Callable

_HOST = "Host: 127.0.0.1\r\n"
_BODY = b'{"messages": [{"role": "user", "content": "tea"}], "stream": true}'
_CHAT = (
    f"POST /v1/chat/completions HTTP/1.1\r\n{_HOST}Content-Length: {len(_BODY)}\r\n\r\n".encode()
)


def said(port: int, data: bytes, *, seconds: float = 5.0) -> str:
    """The first line of the answer; "closed" for none, "open" where nothing happened in time."""
    with connect(port, seconds) as there:
        there.sendall(data)
        return first_line(there)


def connect(port: int, seconds: float = 5.0) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=seconds)


def first_line(there: socket.socket) -> str:
    try:
        found = there.recv(65536)
    except TimeoutError:
        return "open"
    except ConnectionError:
        return "closed"
    return found.split(b"\r\n", 1)[0].decode("latin-1") if found else "closed"


def get(path: str, more: str = _HOST) -> bytes:
    return f"GET {path} HTTP/1.1\r\n{more}\r\n".encode("latin-1")


def slow_head(port: int) -> str:
    """A letter of the head at a time."""
    with connect(port) as there:
        for letter in get("/health")[:-4] * 4:
            try:
                there.sendall(bytes([letter]))
            except ConnectionError:
                return "closed"
            time.sleep(0.1)
        return first_line(there)


def slow_body(port: int) -> str:
    head = f"POST /v1/chat/completions HTTP/1.1\r\n{_HOST}Content-Length: 1000\r\n\r\n"
    return said(port, head.encode() + b"{")


def many_streams(port: int) -> str:
    """More connections than may be open; afterwards the server has to be there."""
    several = [connect(port) for _ in range(80)]
    refused = 0
    for there in several:
        try:
            there.sendall(_CHAT)
            refused += "503" in first_line(there)
        except ConnectionError:
            refused += 1
    for there in several:
        there.close()
    return "some refused" if 0 < refused < 80 else f"{refused} refused"


ATTACKS: dict[str, Callable[[int], str]] = {
    "foreign host": lambda port: said(port, get("/v1/models", "Host: evil.example\r\n")),
    "no host": lambda port: said(port, b"GET /v1/models HTTP/1.0\r\n\r\n"),
    "two hosts": lambda port: said(port, get("/v1/models", _HOST + "Host: evil.example\r\n")),
    "foreign origin": lambda port: said(
        port, get("/v1/models", _HOST + "Origin: http://evil.example\r\n")
    ),
    "path": lambda port: said(port, get("/../../../../etc/passwd")),
    "coded path": lambda port: said(port, get("/%2e%2e/%2e%2e/etc/passwd%00")),
    "absolute path": lambda port: said(port, get("http://evil.example/v1/models")),
    "header flood": lambda port: said(port, get("/", _HOST + "X: y\r\n" * 20_000)),
    "long header": lambda port: said(port, get("/", _HOST + f"X: {'y' * 200_000}\r\n")),
    "not HTTP": lambda port: said(port, b"\x16\x03\x01\x02\x00\x01\x00" * 10 + b"\r\n\r\n"),
    "bad length": lambda port: said(port, _CHAT.replace(b"Content-Length: ", b"Content-Length: -")),
    "two lengths": lambda port: said(
        port, get("/health", _HOST + "Content-Length: 1\r\nContent-Length: 2\r\n")
    ),
    "slow head": slow_head,
    "slow body": slow_body,
    "nothing at all": lambda port: said(port, b""),
    "many streams": many_streams,
    "and after all": lambda port: said(port, get("/health")),
}


def main(port: int) -> None:
    found = {}
    for name, attack in ATTACKS.items():
        found[name] = attack(port)
        if name == "many streams":
            time.sleep(1)
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]))
