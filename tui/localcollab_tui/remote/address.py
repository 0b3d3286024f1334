"""The address of a server, as a user types it."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from localcollab.errors import BadOption

_PORTS = {"http": 80, "https": 443}
_API = "/v1"


@dataclass(frozen=True, slots=True)
class Address:
    is_encrypted: bool
    host: str
    port: int
    path: str
    """Of the API, as `/v1`."""

    @property
    def is_here(self) -> bool:
        """On this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' * self.is_encrypted}://{host}:{self.port}{self.path}"


def parse_address(given: str) -> Address:
    """`127.0.0.1:8765`, `http://127.0.0.1:8765/v1`, `https://host/api/v1`. Raises `BadOption`."""
    try:
        parts = urlsplit(given if "://" in given else f"http://{given}")
        port = parts.port
    except ValueError:
        raise _bad(given) from None
    is_plain = not (parts.username or parts.password or parts.query or parts.fragment)
    is_sound = given.isascii() and given.isprintable() and " " not in given
    if parts.scheme not in _PORTS or not parts.hostname or not is_plain or not is_sound:
        raise _bad(given)
    path = parts.path.rstrip("/")
    return Address(
        parts.scheme == "https", parts.hostname, _PORTS[parts.scheme] if port is None else port,
        path if path.endswith(_API) else path + _API,
    )  # fmt: skip


def _bad(given: str) -> BadOption:
    return BadOption(f"`server` is {given!r}: give an address as http://127.0.0.1:8765")
