"""The shared library itself: start-up, its log and errors, and what it was compiled with.

llama.cpp's log goes to the Python logger `localcollab.llama`; file descriptors are not redirected.
"""

import ctypes
import logging
from collections import deque
from functools import cache

from localcollab.llama.bindings import api

logger = logging.getLogger("localcollab.llama")

# ggml.h, enum ggml_log_level. Loading a model writes 100 lines at INFO: logged as DEBUG here.
_LEVELS = {1: logging.DEBUG, 2: logging.DEBUG, 3: logging.INFO, 4: logging.WARNING}
_ERROR, _CONTINUED = 4, 5
_recent_errors: deque[str] = deque(maxlen=8)
_line: list[str] = []
_callback: object = None


@cache
def start() -> None:
    """Initialize llama.cpp once, with its log going to the Python logger."""
    global _callback
    level_of_line = 1

    def on_log(level: int, text: bytes, _data: object) -> None:
        nonlocal level_of_line
        if level != _CONTINUED:
            level_of_line = level
        _line.append(text.decode("utf-8", "replace"))
        if not _line[-1].endswith("\n"):
            return
        message = "".join(_line).strip()
        _line.clear()
        if level_of_line == _ERROR and message:
            _recent_errors.append(message)
        logger.log(_LEVELS.get(level_of_line, logging.DEBUG), "%s", message)

    _callback = api.llama_log_callback(on_log)
    api.llama_log_set(_callback, ctypes.c_void_p(0))
    api.llama_backend_init()


def take_errors() -> str:
    """llama.cpp's last error lines, joined; they are cleared."""
    text = "; ".join(_recent_errors)
    _recent_errors.clear()
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
    return bool(api.llama_supports_gpu_offload())
