"""What this process took at most."""

import resource
import sys
from pathlib import Path


def peak_rss_bytes() -> int:
    """Of this process alone: a child's ru_maxrss begins with its parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
