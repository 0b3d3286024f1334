"""llama.cpp's RPC backend: another machine's devices. It is in builds with the option GGML_RPC.

A worker that dies or talks nonsense ends the process that uses it (GGML_ABORT in ggml-rpc.cpp), so only
children call this. The protocol has neither a key nor encryption: whoever reaches a worker uses it.
"""

import ctypes
import socket
import time
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
_SECONDS_TO_RETURN, _LOOK_EVERY = 3.0, 0.1
"""A worker that a client has ended is started again meanwhile."""


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
        registered = library.ggml_backend_rpc_add_server(str(address).encode())
        if not registered:
            raise WorkerLost(f"worker {address} speaks another version of llama.cpp: update it")
        n_before = library.ggml_backend_dev_count()
        library.ggml_backend_register(registered)
        if library.ggml_backend_dev_count() == n_before:
            raise WorkerLost(f"worker {address} offers no device: start it anew")


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
    library = _library()
    library.ggml_backend_load_all()
    found = [library.ggml_backend_dev_get(n) for n in range(library.ggml_backend_dev_count())]
    devices = (ctypes.c_void_p * len(found))(*found)
    library.ggml_backend_rpc_start_server(
        str(address).encode(), None, n_threads, len(found), devices
    )


def _require_listening(address: Address) -> None:
    # llama.cpp ends the process where nobody listens.
    until = time.monotonic() + _SECONDS_TO_RETURN
    while True:
        try:
            socket.create_connection(address, timeout=_SECONDS_TO_CONNECT).close()
            return
        except OSError as error:
            if time.monotonic() > until:
                raise WorkerLost(
                    f"worker {address} cannot be reached ({error.strerror or error}): start "
                    "`localcollab worker` there, and check the address"
                ) from error
        time.sleep(_LOOK_EVERY)


def _library_file() -> Path | None:
    return next(iter(sorted(library_dir().glob("*ggml-rpc.*"))), None)


def _library() -> ctypes.CDLL:
    """libllama, in which what it links to is found too: packages hold copies of each library, and another
    copy would have a list of devices of its own."""
    from localcollab.llama.bindings import linked

    library, text, size = linked(), ctypes.c_char_p, ctypes.c_size_t
    pointer, sizes = ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t)
    for name, result, arguments in (
        ("ggml_backend_load_all", None, []),
        ("ggml_backend_register", None, [pointer]),
        ("ggml_backend_dev_count", size, []),
        ("ggml_backend_dev_get", pointer, [size]),
        ("ggml_backend_rpc_add_server", pointer, [text]),
        ("ggml_backend_rpc_get_device_memory", None, [text, ctypes.c_uint32, sizes, sizes]),
        ("ggml_backend_rpc_start_server", None, [text, text, size, size, ctypes.POINTER(pointer)]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
