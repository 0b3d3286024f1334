"""A hub on loopback: one file, HEAD and ranged GET, and connections that break off where told.

Only the protocol that huggingface_hub's client speaks to fetch a file. What fetches from it runs in a
process of its own, because the tests themselves may open no connection.
"""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_PATH = "/owner/name/resolve/main/tiny.gguf"
CATALOG = '[models.tiny]\nrepository = "owner/name"\nfile = "tiny.gguf"\n'


@dataclass
class Hub:
    content: bytes
    cuts: list[int] = field(default_factory=list)
    """Each GET serves so many bytes and breaks off, while there are any left."""
    etag: str = ""
    requests: list[str] = field(default_factory=list)
    endpoint: str = ""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_arguments: object) -> None:
            return

        def do_HEAD(self) -> None:
            self._start(200 if self.path == _PATH else 404, len(hub.content))

        def do_GET(self) -> None:
            at = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
            hub.requests.append(f"GET {at}")
            part = hub.content[at:]
            self._start(206 if at else 200, len(part), f"bytes {at}-{at + len(part) - 1}")
            if hub.cuts:
                self.wfile.write(part[: hub.cuts.pop(0)])
                self.close_connection = True
            else:
                self.wfile.write(part)

        def _start(self, status: int, length: int, content_range: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            self.send_header("ETag", f'"{hub.etag or hub.sha256}"')
            self.send_header("X-Repo-Commit", "1" * 40)
            if content_range:
                self.send_header("Content-Range", f"{content_range}/{len(hub.content)}")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def pulling(endpoint: str, folder: Path, *words: str) -> "subprocess.Popen[str]":
    """`localcollab models pull tiny` in a process of its own, with its data under `folder`."""
    catalog = folder / "hub.toml"
    if not catalog.exists():
        catalog.write_text(CATALOG)
    environment = os.environ | {
        "HF_ENDPOINT": endpoint, "XDG_DATA_HOME": str(folder / "data"), "NO_PROXY": "127.0.0.1",
        "HF_HOME": str(folder / "hf"), "HF_HUB_DISABLE_TELEMETRY": "1",
    }  # fmt: skip
    command = [sys.executable, "-m", "localcollab.cli.main", "models", "pull", "tiny", "--models"]
    return subprocess.Popen(
        [*command, str(catalog), *words], env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def pull(endpoint: str, folder: Path, *words: str) -> tuple[int, str, str]:
    child = pulling(endpoint, folder, *words)
    out, err = child.communicate(timeout=300)
    return child.returncode, out, err


def pulled(folder: Path) -> Path:
    return folder / "data" / "localcollab" / "models" / "owner--name" / "tiny.gguf"
