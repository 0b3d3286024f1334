"""The shared library itself: start-up, its log, and what this build and machine are.

llama.cpp's log goes to the Python logger `localcollab.llama`; file descriptors are left alone. What this
program itself decided and a user should know goes to `localcollab.note`.
"""

import ctypes
import importlib.util
import logging
import platform
from collections import deque
from functools import cache
from pathlib import Path

logger = logging.getLogger("localcollab.llama")
for _name in ("localcollab.llama", "localcollab.note"):
    logging.getLogger(_name).addHandler(logging.NullHandler())

# ggml.h, enum ggml_log_level. INFO of a model load is 100 lines: debugging matter here.
_LEVELS = {1: logging.DEBUG, 2: logging.DEBUG, 3: logging.INFO, 4: logging.WARNING}
_ERROR, _CONTINUED = 4, 5
_recent_errors: deque[str] = deque(maxlen=8)
_line: list[str] = []
_callback: object = None


@cache
def start() -> None:
    """Initialise llama.cpp once, with its log on the Python logger."""
    from localcollab.llama.bindings import api

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
    """llama.cpp's last error lines, joined; forgotten by reading them."""
    text = "; ".join(_recent_errors)
    _recent_errors.clear()
    return text


def library_dir() -> Path:
    spec = importlib.util.find_spec("llama_cpp")
    if spec is None or spec.origin is None:
        raise ImportError("llama-cpp-python is not installed: pip install llama-cpp-python==0.3.36")
    return Path(spec.origin).parent / "lib"


def cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def cpu_flags() -> frozenset[str]:
    """CPU features as Linux names them; empty elsewhere."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("flags"):
                return frozenset(line.split(":", 1)[1].split())
    return frozenset()


@cache
def build_id() -> str:
    """This build on this CPU, without loading it: a verdict on a file holds only for both."""
    files = sorted(library_dir().glob("*"))
    sizes = ",".join(f"{f.name}:{f.stat().st_size}:{f.stat().st_mtime_ns}" for f in files)
    return f"{sizes}|{cpu_name()}|{'amx_tile' in cpu_flags()}"


def system_info() -> dict[str, bool]:
    """Features this build was compiled with, by llama.cpp's own names."""
    from localcollab.llama.bindings import api

    start()
    found = {}
    for item in api.llama_print_system_info().decode().replace("CPU :", "").split("|"):
        name, _, value = item.partition("=")
        if value:
            found[name.strip()] = value.strip() not in ("0", "")
    return found


def supports_gpu() -> bool:
    from localcollab.llama.bindings import api

    start()
    return bool(api.llama_supports_gpu_offload())
