"""What `localcollab serve` is asked for, with every check of a range. Imports no server library."""

import ipaddress
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from localcollab.errors import BadOption
from localcollab.llama.options import Options

DEFAULT_PORT = 8765
_MOST_SEATS, _MOST_WAITING = 64, 10_000
_MIB, _MOST_GB = 2**20, 10_000


@dataclass(frozen=True, slots=True)
class ServeRequest:
    """Raises `BadOption`."""

    teams: tuple[str, ...] = ()
    """Names or GGUF files; empty: what `chat` would offer."""
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    """0: any free one."""
    token_file: Path | None = None
    origins: tuple[str, ...] = ()
    """Of pages that may ask from a browser."""
    options: Options = field(default_factory=Options)
    parallel: int = 4
    """Conversations of a team whose caches are kept, at most."""
    queue: int = 64
    """Requests that may wait for a team."""
    budget: int | None = None
    """Bytes for weights and contexts together."""
    keep_alive: float | None = None
    """Minutes after its last use that a team stays loaded; None: until the end."""
    max_body: int = 8 * _MIB
    """Bytes."""
    exact: bool = False
    """Evaluate every prompt from its start."""
    batch: bool = False
    """Evaluate the conversations of a model alone together."""
    history: bool = False
    """Keep conversations in the history."""
    documents: tuple[str, ...] = ()
    """Collections that may be searched and asked."""
    embedder: str | None = None
    """An encoder: a GGUF file, or a model of the catalogue."""
    prompt_cache_gb: float = 0.0
    """How much of what clients' prompts were computed into may be kept on disk; 0: nothing."""
    ranker: str | None = None
    """As `localcollab rank` names them."""
    catalogs: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        bounds = {
            "port": (0, 65535), "parallel": (1, _MOST_SEATS), "queue": (0, _MOST_WAITING),
            "max_body": (1024, 1024 * _MIB),
        }  # fmt: skip
        for name, (low, high) in bounds.items():
            if not low <= getattr(self, name) <= high:
                raise BadOption(
                    f"`{name}` is {getattr(self, name)}: give a number from {low} to {high}"
                )
        if self.batch and self.exact:
            raise BadOption(
                "`batch` and `exact` do not go together: what is evaluated beside a token changes its "
                "logits in the last digits"
            )
        if self.keep_alive is not None and not 0 <= self.keep_alive <= 10**6:
            raise BadOption(f"`keep_alive` is {self.keep_alive}: give 0 minutes or more")
        if not 0 <= self.prompt_cache_gb <= _MOST_GB:
            raise BadOption(
                f"`prompt_cache_gb` is {self.prompt_cache_gb}: give gigabytes from 0 to {_MOST_GB}"
            )
        if self.exact and self.prompt_cache_gb:
            raise BadOption(
                "`exact` evaluates every prompt from its start, so nothing is gone on from: leave "
                "`prompt_cache_gb` out"
            )
        if not self.is_local and self.token_file is None:
            raise BadOption(
                f"`host` is {self.host}, which others can reach: give `token_file`, so that they need "
                "a key, or leave `host` out"
            )
        for origin in self.origins:
            _check_origin(origin)

    @property
    def is_local(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def token(self) -> str | None:
        """From its file, which is written with a new one where there is none. Raises `BadOption`."""
        return None if self.token_file is None else _read_token(self.token_file)


def _check_origin(origin: str) -> None:
    if origin == "*":
        return
    try:
        parts = urlsplit(origin)
        is_sound = bool(parts.hostname) and origin == f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        is_sound = False
    if not is_sound:
        raise BadOption(f"`origins` has {origin!r}: give one as http://localhost:3000, or *")


def _read_token(path: Path) -> str:
    path = Path(os.path.expanduser(path))
    try:
        if not path.exists():
            _write_token(path)
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise BadOption(f"`token_file` {path} cannot be used ({error}): check it") from error
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise BadOption(f"`token_file` {path} can be read by others: chmod 600 {path}")
    if len(text) < 8 or not text.isascii() or not text.isprintable() or " " in text:
        raise BadOption(
            f"`token_file` {path} holds no key of 8 or more ASCII characters: change it"
        )
    return text


def _write_token(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
