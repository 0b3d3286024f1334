"""Addresses as they are typed."""

import pytest

from localcollab.errors import BadOption
from localcollab_tui.remote.address import Address, parse_address


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("127.0.0.1:8765", Address(False, "127.0.0.1", 8765, "/v1")),
        ("http://localhost", Address(False, "localhost", 80, "/v1")),
        ("http://127.0.0.1:8765/v1/", Address(False, "127.0.0.1", 8765, "/v1")),
        ("https://host.example/api/v1", Address(True, "host.example", 443, "/api/v1")),
        ("https://host.example/api", Address(True, "host.example", 443, "/api/v1")),
        ("http://[::1]:9/", Address(False, "::1", 9, "/v1")),
    ],
)
def test_an_address_may_be_short(given: str, address: Address) -> None:
    assert parse_address(given) == address
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "given",
    ["", "ftp://x", "http://", "http://x:port", "http://x:99999", "http://me:key@x", "http://x?a=b",
     "http://x/#a", "http://x y", "http://x\r\nHost: y", "http://ä", "http://[::1"],
)  # fmt: skip
def test_what_is_no_address_is_refused_by_its_name(given: str) -> None:
    with pytest.raises(BadOption, match="`server` is"):
        parse_address(given)


def test_loopback_is_this_machine() -> None:
    here = ("localhost", "127.0.0.1", "127.8.9.1", "http://[::1]:80")
    assert [parse_address(each).is_here for each in (*here, "10.0.0.1", "host.example")] == [
        True, True, True, True, False, False
    ]  # fmt: skip
