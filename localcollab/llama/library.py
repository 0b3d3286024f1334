"""The shared library itself: start-up, its log and errors, and what it was compiled with.

llama.cpp's log goes to the Python logger `localcollab.llama`; file descriptors are not redirected.
"""

import ctypes
import logging
import threading
from collections import deque
from functools import cache

from localcollab.llama import machine
from localcollab.llama.bindings import api

logger = logging.getLogger("localcollab.llama")

# ggml.h, enum ggml_log_level. Loading a model writes 100 lines at INFO: logged as DEBUG here.
_LEVELS = {1: logging.DEBUG, 2: logging.DEBUG, 3: logging.INFO, 4: logging.WARNING}
_ERROR, _CONTINUED = 4, 5
_callback: object = None


class _Log(threading.local):
    """What llama.cpp says in one thread: models may be loaded side by side."""

    def __init__(self) -> None:
        self.errors: deque[str] = deque(maxlen=8)
        self.line: list[str] = []
        self.level = 1


_log = _Log()


@cache
def start() -> None:
    """Initialize llama.cpp once, with its log going to the Python logger."""
    global _callback

    def on_log(level: int, text: bytes, _data: object) -> None:
        if level != _CONTINUED:
            _log.level = level
        _log.line.append(text.decode("utf-8", "replace"))
        if not _log.line[-1].endswith("\n"):
            return
        message = "".join(_log.line).strip()
        _log.line.clear()
        if _log.level == _ERROR and message:
            _log.errors.append(message)
        logger.log(_LEVELS.get(_log.level, logging.DEBUG), "%s", message)

    _callback = api.llama_log_callback(on_log)
    api.llama_log_set(_callback, ctypes.c_void_p(0))
    api.llama_backend_init()


def take_errors() -> str:
    """llama.cpp's last error lines in this thread, joined; they are cleared."""
    text = "; ".join(_log.errors)
    _log.errors.clear()
    return text


def system_info() -> dict[str, bool]:
    """Features this build was compiled with, by llama.cpp's own names."""
    start()
    found = {}
    for item in api.llama_print_system_info().decode().replace("CPU :", "").split("|"):
        name, _, value = item.partition("=")
        if value:
            found[name.strip()] = value.strip() not in ("0", "")
    return found


def supports_gpu() -> bool:
    start()
    # A build with RPC offloads to workers, and need not know any GPU.
    only_rpc = bool(api.llama_supports_rpc()) and not machine.has_gpu_files()
    return bool(api.llama_supports_gpu_offload()) and not only_rpc
