"""This machine and the installed build of llama.cpp, as far as they are known without loading it."""

import importlib.util
import os
import re
import sys
from functools import cache
from pathlib import Path

_GPU = re.compile(r"cuda|hip|vulkan|metal|sycl|opencl|musa|cann")


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
    import platform

    return platform.processor() or platform.machine()


def cpu_flags() -> frozenset[str]:
    """CPU features by their Linux names; empty on other systems."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("flags"):
                return frozenset(line.split(":", 1)[1].split())
    return frozenset()


@cache
def has_gpu_files() -> bool:
    """This build reaches a GPU; answered without loading it."""
    return any(_GPU.search(file.name) for file in library_dir().glob("*ggml*"))


@cache
def build_id() -> str:
    """Identifies this build and CPU, for which alone a probe's verdict holds."""
    files = sorted(library_dir().glob("*"))
    sizes = ",".join(f"{f.name}:{f.stat().st_size}:{f.stat().st_mtime_ns}" for f in files)
    return f"{sizes}|{cpu_name()}|{'amx_tile' in cpu_flags()}"


def physical_cores() -> int:
    """Physical cores this process may run on; using hyper-threads slows llama.cpp down."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    siblings = set()
    for cpu in sorted(allowed or ()):
        topology = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        if topology.exists():
            siblings.add(topology.read_text().strip())
    return len(siblings) or (len(allowed) if allowed else os.cpu_count() or 1)


def available_bytes() -> int | None:
    """Memory that can be allocated without swapping, in bytes; None if unknown."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        # macOS gives no figure for free memory: take half of the total.
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return None


def peak_rss_bytes() -> int:
    """The largest resident size this process has had."""
    # Not ru_maxrss, which a child inherits from its parent.
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows: nobody says
        return 0

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
