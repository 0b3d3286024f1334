"""Run in a process of its own by tests: `add` or `sync` with small limits, a line for each file.

    python documents_driver.py COLLECTION ACTION LIMITS [PATH ...]

The last line is the most memory, in bytes, that this process or one that read files ever held.
LIMITS is JSON; `batch_seconds` in it commits more often than users need, so that kills meet commits.
"""

import json
import re
import resource
import sys
from pathlib import Path

from localcollab.documents.collection import Collection
from localcollab.documents.ingest import batch
from localcollab.documents.parsing.limits import Limits
from localcollab.documents.records import Visit


def show(visit: Visit) -> None:
    document = visit.document
    print(
        json.dumps([document.path.name, document.status, document.error, visit.change]), flush=True
    )


def peak_bytes() -> int:
    # What getrusage says of this process itself counts its parent's memory from before the exec.
    found = re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())
    assert found
    return 1024 * max(int(found[1]), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


if __name__ == "__main__":
    path, action, options, *paths = sys.argv[1:]
    limits = json.loads(options)
    batch.SECONDS = limits.pop("batch_seconds", batch.SECONDS)
    with Collection(Path(path)) as collection:
        if action == "add":
            collection.add([Path(each) for each in paths], limits=Limits(**limits), on_visit=show)
        else:
            collection.sync(limits=Limits(**limits), on_visit=show)
    print(peak_bytes())
