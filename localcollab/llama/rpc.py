"""llama.cpp's RPC backend: another machine's devices. It is in builds with the option GGML_RPC.

A worker that dies or talks nonsense ends the process that uses it (GGML_ABORT in ggml-rpc.cpp), so only
children call this. The protocol has neither a key nor encryption: whoever reaches a worker uses it.
"""

import ctypes
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from localcollab.errors import BadOption, WorkerLost
from localcollab.llama.machine import library_dir

BUILD = (
    'CMAKE_ARGS="-DGGML_RPC=on" pip install --force-reinstall --no-cache-dir --no-deps '
    "--no-binary llama-cpp-python llama-cpp-python==0.3.36"
)
"""The command that builds llama.cpp with it."""
_SECONDS_TO_CONNECT = 10.0


class Address(NamedTuple):
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


def parse_address(text: str, parameter: str = "worker") -> Address:
    """`HOST:PORT`, or `[HOST]:PORT` of IPv6. Raises `BadOption`."""
    host, _, port = text.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise BadOption(
            f"`{parameter}` is {text!r}: give HOST:PORT with a port from 1 to 65535, such as "
            "127.0.0.1:50052"
        )
    return Address(host, int(port))


def has_rpc() -> bool:
    """This build of llama.cpp has the backend; answered without loading it."""
    return _library_file() is not None


def require_rpc() -> None:
    """Raises `BadOption`."""
    if not has_rpc():
        raise BadOption(f"this llama.cpp is built without RPC, which workers need: {BUILD}")


def use_workers(addresses: Sequence[Address]) -> None:
    """Models that are loaded from now on lie on their devices. Raises `BadOption`, `WorkerLost`."""
    require_rpc()
    for address in addresses:
        _require_listening(address)
        library = _library()
        base = ctypes.CDLL(os.fspath(_beside("ggml")))
        base.ggml_backend_register.argtypes = [ctypes.c_void_p]
        registered = library.ggml_backend_rpc_add_server(str(address).encode())
        if not registered:
            raise WorkerLost(f"worker {address} speaks another version of llama.cpp: update it")
        base.ggml_backend_register(registered)


def worker_memory(address: Address) -> tuple[int, int]:
    """(free, total) bytes of a worker's first device. Raises `BadOption`, `WorkerLost`."""
    require_rpc()
    _require_listening(address)
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    _library().ggml_backend_rpc_get_device_memory(
        str(address).encode(), 0, ctypes.byref(free), ctypes.byref(total)
    )
    return free.value, total.value


def serve_devices(address: Address, n_threads: int) -> None:
    """Serves this machine's processor until the process ends. Raises `BadOption`."""
    require_rpc()
    base = ctypes.CDLL(os.fspath(_beside("ggml")))
    base.ggml_backend_load_all.restype = None
    base.ggml_backend_load_all()
    base.ggml_backend_dev_count.restype = ctypes.c_size_t
    base.ggml_backend_dev_get.restype = ctypes.c_void_p
    base.ggml_backend_dev_get.argtypes = [ctypes.c_size_t]
    found = [base.ggml_backend_dev_get(n) for n in range(base.ggml_backend_dev_count())]
    devices = (ctypes.c_void_p * len(found))(*found)
    _library().ggml_backend_rpc_start_server(
        str(address).encode(), None, n_threads, len(found), devices
    )


def _require_listening(address: Address) -> None:
    # llama.cpp ends the process where nobody listens.
    try:
        socket.create_connection(address, timeout=_SECONDS_TO_CONNECT).close()
    except OSError as error:
        raise WorkerLost(
            f"worker {address} cannot be reached ({error.strerror or error}): start `localcollab "
            "worker` there, and check the address"
        ) from error


def _library_file() -> Path | None:
    return next(iter(sorted(library_dir().glob("*ggml-rpc.*"))), None)


def _beside(name: str) -> Path:
    """`ggml` as a file of the same build."""
    file = _library_file()
    assert file is not None
    return file.with_name(file.name.replace("ggml-rpc", name))


def _library() -> ctypes.CDLL:
    # Loads what libggml-rpc needs, from the same folder.
    import localcollab.llama.bindings  # noqa: F401

    file = _library_file()
    assert file is not None
    library = ctypes.CDLL(os.fspath(file))
    text, size, pointer = ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p
    library.ggml_backend_rpc_add_server.restype = pointer
    library.ggml_backend_rpc_add_server.argtypes = [text]
    library.ggml_backend_rpc_get_device_memory.restype = None
    library.ggml_backend_rpc_get_device_memory.argtypes = [
        text, ctypes.c_uint32, ctypes.POINTER(size), ctypes.POINTER(size)
    ]  # fmt: skip
    library.ggml_backend_rpc_start_server.restype = None
    library.ggml_backend_rpc_start_server.argtypes = [
        text, text, size, size, ctypes.POINTER(pointer)
    ]  # fmt: skip
    return library
