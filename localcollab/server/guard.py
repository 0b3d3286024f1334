"""Who may ask: the right Host (against DNS rebinding), no foreign page, and the token if one is set."""

import hmac
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localcollab.server.errors import ApiError

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_OPEN = frozenset({"/", "/health"})
"""Paths that need no token: the page asks for it, and a watchdog needs none."""
_MOST_PATH = 2048
_MOST_HEADERS, _MOST_HEADER_BYTES = 100, 32 * 1024


@dataclass(frozen=True, slots=True)
class Rules:
    host: str = "127.0.0.1"
    """The address that is listened at."""
    token: str | None = None
    origins: tuple[str, ...] = ()
    """Of pages that may ask, as `http://localhost:3000`; `*` is all."""


class Guard:
    """ASGI middleware. Refuses before a body is read."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app, self._rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        allowed = origin is not None and self._is_listed(origin)
        try:
            self._check(scope, headers)
        except ApiError as error:
            await JSONResponse(error.record(), error.status, error.headers)(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" and allowed:
            await _preflight(headers, str(origin))(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _harden(MutableHeaders(scope=message), origin if allowed else None)
            await send(message)

        await self._app(scope, receive, with_headers)

    def _check(self, scope: Scope, headers: Headers) -> None:
        """Raises `ApiError`."""
        if len(scope["path"]) > _MOST_PATH:
            raise ApiError(414, "the path is too long")
        n_bytes = sum(len(name) + len(value) for name, value in scope["headers"])
        if len(scope["headers"]) > _MOST_HEADERS or n_bytes > _MOST_HEADER_BYTES:
            raise ApiError(431, "the request has too many headers, or too long ones")
        host = headers.get("host", "")
        if not self._is_own_host(host):
            raise ApiError(
                403, f"the Host {host[:100]!r} is not this server's: ask it by its address",
                code="foreign_host",
            )  # fmt: skip
        origin = headers.get("origin")
        if (
            origin is not None
            and origin != f"{scope['scheme']}://{host}"
            and not self._is_listed(origin)
        ):
            raise ApiError(
                403, f"pages of {origin[:100]!r} may not ask: start the server with --origin",
                code="foreign_origin",
            )  # fmt: skip
        needs_token = scope["path"] not in _OPEN and scope["method"] != "OPTIONS"
        if self._rules.token is not None and needs_token:
            _check_token(headers, self._rules.token)

    def _is_own_host(self, given: str) -> bool:
        name = host_name(given)
        if name in _LOOPBACK or name == self._rules.host:
            return True
        # At another address a machine has many; rebinding needs a name, which an address is not.
        return self._rules.host not in _LOOPBACK and _is_address(name)

    def _is_listed(self, origin: str) -> bool:
        return "*" in self._rules.origins or origin in self._rules.origins


def host_name(given: str) -> str:
    """Of a Host header, without the port; empty for what is not one."""
    try:
        parts = urlsplit(f"//{given}")
        parts.port  # noqa: B018 - raises for a bad one
    except ValueError:
        return ""
    return (parts.hostname or "") if not (parts.path or parts.query or parts.username) else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _check_token(headers: Headers, token: str) -> None:
    given = headers.get("authorization", "")
    kind, _, value = given.partition(" ")
    # Anthropic's and Azure's clients send it by these names.
    value = value.strip() if kind.lower() == "bearer" else headers.get("x-api-key", "")
    if not hmac.compare_digest(value.encode("utf-8", "replace"), token.encode()):
        raise ApiError(
            401, "the API key is missing or wrong: send the server's token as `Authorization: Bearer`",
            code="invalid_api_key", headers={"WWW-Authenticate": "Bearer"},
        )  # fmt: skip


def _preflight(headers: Headers, origin: str) -> Response:
    wanted = headers.get("access-control-request-headers", "")
    return Response(
        status_code=204,
        headers={
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": "GET, POST",
            "Access-Control-Allow-Headers": _names(wanted),
            "Access-Control-Max-Age": "600",
            "Vary": "Origin",
        },
    )


def _names(wanted: str) -> str:
    """Of headers: what a client asks for, as far as they are names."""
    names: Iterable[str] = (name.strip() for name in wanted.split(",")[:32])
    return ", ".join(name for name in names if name.replace("-", "").isalnum() and name.isascii())


def _harden(headers: MutableHeaders, origin: str | None) -> None:
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    if origin is not None:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        headers.add_vary_header("Origin")
