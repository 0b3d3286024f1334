"""A hub on loopback: a repository's listing, HEAD and ranged GET of its files, and connections that break
off where told.

Only the protocol that huggingface_hub's client speaks to fetch a file. What fetches from it runs in a
process of its own, because the tests themselves may open no connection.
"""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_FILES = "/owner/name/resolve/main/"
_LISTING = "/api/models/owner/name"
CATALOG = '[models.tiny]\nrepository = "owner/name"\nfile = "tiny.gguf"\nkv_bytes_per_token = 64\n'


@dataclass
class Hub:
    content: bytes
    cuts: list[int] = field(default_factory=list)
    """Each GET serves so many bytes and breaks off, while there are any left."""
    etag: str = ""
    files: tuple[str, ...] = ("tiny.gguf",)
    """Of the repository; all have the same content, but for those of `contents`."""
    contents: Mapping[str, bytes] = field(default_factory=dict)
    listing: Mapping[str, object] = field(default_factory=dict)
    """What its listing says besides, or instead."""
    claims: int | None = None
    """The size that it tells, instead of the content's."""
    refusal: str = ""
    """An error code of the hub, for every request: GatedRepo, RepoNotFound, ..."""
    requests: list[str] = field(default_factory=list)
    endpoint: str = ""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def size_bytes(self) -> int:
        return self.claims or len(self.content)

    def content_of(self, path: str) -> bytes:
        return self.contents.get(path.rpartition("/")[2], self.content)

    def etag_of(self, path: str) -> str:
        return self.etag or hashlib.sha256(self.content_of(path)).hexdigest()

    def size_of(self, path: str) -> int:
        return self.claims or len(self.content_of(path))

    def listed(self) -> dict[str, object]:
        """As the hub's API answers, with what is used of it."""
        siblings = [self._listed(name) for name in self.files]
        other = {"rfilename": "README.md", "size": 10}
        return {"id": "owner/name", "siblings": [*siblings, other], **self.listing}

    def _listed(self, name: str) -> dict[str, object]:
        size = self.size_of(name)
        lfs = {"sha256": self.etag_of(name), "size": size, "pointerSize": 130}
        return {"rfilename": name, "size": size, "lfs": lfs}


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_arguments: object) -> None:
            return

        def do_HEAD(self) -> None:
            known = self.path.startswith(_FILES) and self.path.removeprefix(_FILES) in hub.files
            self._start(200 if known else 404, hub.size_of(self.path))

        def do_GET(self) -> None:
            if self.path.startswith("/api/"):
                self._list()
                return
            begin, _, end = self.headers.get("Range", "bytes=0-")[6:].partition("-")
            at = int(begin)
            hub.requests.append(f"GET {at}-{end}" if end else f"GET {at}")
            part = hub.content_of(self.path)[at : int(end) + 1 if end else None]
            status = 206 if at or end else 200
            self._start(status, len(part), f"bytes {at}-{at + len(part) - 1}")
            if hub.cuts:
                self.wfile.write(part[: hub.cuts.pop(0)])
                self.close_connection = True
            else:
                self.wfile.write(part)

        def _list(self) -> None:
            hub.requests.append("LIST")
            known = self.path.partition("?")[0] == _LISTING
            text = json.dumps(hub.listed()).encode() if known else b"{}"
            self._start(200 if known else 404, len(text))
            if not hub.refusal:
                self.wfile.write(text)

        def _start(self, status: int, length: int, content_range: str = "") -> None:
            if hub.refusal:
                status, length = 403 if hub.refusal == "GatedRepo" else 401, 0
            self.send_response(status)
            if hub.refusal or status == 404:
                code = "RepoNotFound" if self.path.startswith("/api/") else "EntryNotFound"
                self.send_header("X-Error-Code", hub.refusal or code)
            self.send_header("Content-Length", str(length))
            self.send_header("ETag", f'"{hub.etag_of(self.path)}"')
            self.send_header("X-Repo-Commit", "1" * 40)
            if content_range:
                self.send_header(
                    "Content-Range", f"{content_range}/{len(hub.content_of(self.path))}"
                )
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


def pulling(
    endpoint: str, folder: Path, *words: str, command: tuple[str, ...] = ("pull", "tiny")
) -> "subprocess.Popen[str]":
    """`localcollab models pull tiny` in a process of its own, with its data under `folder`."""
    catalog = folder / "hub.toml"
    if not catalog.exists():
        catalog.write_text(CATALOG)
    environment = os.environ | {
        "HF_ENDPOINT": endpoint, "XDG_DATA_HOME": str(folder / "data"), "NO_PROXY": "127.0.0.1",
        "HF_HOME": str(folder / "hf"), "HF_HUB_DISABLE_TELEMETRY": "1",
    }  # fmt: skip
    begin = [sys.executable, "-m", "localcollab.cli.main", "models", *command, "--models"]
    return subprocess.Popen(
        [*begin, str(catalog), *words], env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def pull(
    endpoint: str, folder: Path, *words: str, command: tuple[str, ...] = ("pull", "tiny")
) -> tuple[int, str, str]:
    child = pulling(endpoint, folder, *words, command=command)
    out, err = child.communicate(timeout=300)
    return child.returncode, out, err


def pulled(folder: Path, file: str = "tiny.gguf") -> Path:
    return folder / "data" / "localcollab" / "models" / "owner--name" / file
