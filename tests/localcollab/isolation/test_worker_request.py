"""What `localcollab worker` and a worker's address refuse, with any build of llama.cpp."""

import pytest

from localcollab.errors import BadOption
from localcollab.isolation.worker import WorkerRequest
from localcollab.llama import rpc
from localcollab.llama.rpc import Address, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:50052", Address("127.0.0.1", 50052)),
        ("desk.example:1", Address("desk.example", 1)),
        ("[::1]:65535", Address("::1", 65535)),
    ],
)
def test_an_address_is_read_and_written(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", "host", ":5", "host:", "host:0", "host:65536", "host:x", "h:٣"]
)
def test_what_is_no_address_is_said(text: str) -> None:
    with pytest.raises(BadOption, match=r"`worker` is .*HOST:PORT"):
        parse_address(text)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "desk"])
def test_another_address_needs_a_word(host: str) -> None:
    with pytest.raises(BadOption, match="no password and no encryption"):
        WorkerRequest(Address(host, 50052), 2)
    assert WorkerRequest(Address(host, 50052), 2, i_know=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "localhost", "::1"])
def test_this_machine_needs_none(host: str) -> None:
    assert WorkerRequest(Address(host, 50052), 2)


def test_numbers_out_of_range_are_said() -> None:
    here = Address("127.0.0.1", 50052)
    with pytest.raises(BadOption, match="`n_threads` is 0"):
        WorkerRequest(here, 0)
    with pytest.raises(BadOption, match=r"`memory` is 0\.25"):
        WorkerRequest(here, 2, 2**28)


def test_a_build_without_rpc_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "_library_file", lambda: None)
    with pytest.raises(BadOption, match="-DGGML_RPC=on"):
        rpc.require_rpc()
