"""Host, Origin, CORS, the token, sizes: refused before anything is read."""

from typing import Any

import pytest

from localcollab.server.guard import Rules, host_name
from localcollab.server.serving import Sizes
from server_app import client_of, run


def get(path: str = "/v1/models", rules: Rules | None = None, **headers: str) -> Any:
    async def ask() -> Any:
        async with client_of(rules=rules) as client:
            return await client.get(path, **headers)

    return run(ask())


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost", "LOCALHOST:1", "[::1]:8765"])
def test_loopbacks_own_names_may_be_asked(host: str) -> None:
    assert get(host=host).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8765", "", "127.0.0.1/x",
     "user@127.0.0.1", "127.0.0.1:x", "10.0.0.1", "127.0.0.1@evil.example"],
)  # fmt: skip
def test_a_foreign_host_is_refused(host: str) -> None:
    assert get(host=host).status == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:8765", "x"]
)
def test_a_foreign_page_is_refused(origin: str) -> None:
    answered = get(origin=origin)
    assert answered.status == 403
    assert "access-control-allow-origin" not in answered.headers


def test_the_servers_own_page_may_ask() -> None:
    assert get(origin="http://127.0.0.1:8765").status == 200


def test_a_listed_page_may_ask() -> None:
    rules = Rules(origins=("http://localhost:3000",))
    answered = get(rules=rules, origin="http://localhost:3000")
    assert answered.status == 200
    assert answered.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert get(rules=rules, origin="http://localhost:3001").status == 403


def test_a_preflight_is_answered_for_listed_pages_only() -> None:
    async def ask(origin: str) -> Any:
        async with client_of(
            rules=Rules(origins=("http://a.example",), token="s3cret-key")
        ) as client:
            headers = {
                "origin": origin,
                "access-control-request-method": "POST",
                "access-control-request-headers": "authorization, content-type, b\u00e4d",
            }
            return await client.ask("OPTIONS", "/v1/chat/completions", b"", headers)

    answered = run(ask("http://a.example"))
    assert answered.status == 204
    assert answered.headers["access-control-allow-headers"] == "authorization, content-type"
    assert run(ask("http://b.example")).status == 403


def test_a_token_is_asked_for_where_one_is_set() -> None:
    rules = Rules(token="s3cret-key")
    assert get(rules=rules).status == 401
    assert get(rules=rules, authorization="Bearer wrong").status == 401
    assert get(rules=rules, authorization="s3cret-key").status == 401
    assert get(rules=rules, authorization="Bearer s3cret-key").status == 200
    assert get(rules=rules, x_api_key="s3cret-key").status == 200
    assert get("/health", rules=rules).status == 200


def test_without_a_token_any_key_is_accepted() -> None:
    assert get(authorization="Bearer whatever").status == 200


def test_a_large_body_is_refused() -> None:
    async def ask() -> Any:
        async with client_of(sizes=Sizes(body_bytes=100)) as client:
            return await client.chat("x" * 200)

    answered = run(ask())
    assert answered.status == 413
    assert answered.error["code"] == "body_too_large"


def test_what_is_not_there_has_the_same_form_of_error() -> None:
    for path, status in (("/nothing", 404), ("/v1/../etc/passwd", 404), ("/v1/completions", 405)):
        answered = get(path)
        assert answered.status == status
        assert set(answered.error) == {"message", "type", "param", "code"}


def test_a_long_path_is_refused() -> None:
    assert get("/" + "a" * 5000).status == 414


@pytest.mark.parametrize(
    ("given", "name"),
    [("A.b:1", "a.b"), ("[::1]:2", "::1"), ("a b", "a b"), ("[", ""), ("a?b", "")],
)
def test_the_name_in_a_host_header(given: str, name: str) -> None:
    assert host_name(given) == name
