"""How fresh a collection is: when its files were looked at last, and how many changed since.

Files are looked at, and opened only where they were just written; a large folder only as far as the time
goes.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from localcollab.documents import store
from localcollab.documents.database import Database
from localcollab.documents.ingest.sync import sources_of
from localcollab.documents.ingest.walk import Found, walk
from localcollab.documents.parsing.limits import DEFAULT_LIMITS
from localcollab.documents.records import Freshness
from localcollab.documents.store import SECONDS_SETTLED, is_current

SECONDS = 0.3
"""What an answer may wait for it."""
LARGEST_OPENED = 16 * 2**20
"""Bytes; a larger file counts as changed where its times leave it open."""


def freshness(database: Database, seconds: float = SECONDS) -> Freshness | None:
    """None: nothing was ever read."""
    with database.read() as connection:
        read_at = store.read_at(connection)
        known = sources_of(connection)
        stored = store.all_stored(connection)
    if read_at is None:
        return None
    excluded = {path for path, is_excluded in known.items() if is_excluded}
    included = [path for path, is_excluded in known.items() if not is_excluded]
    end, seen, n_changed = time.monotonic() + seconds, set[bytes](), 0
    for found in _files(included, excluded):
        if time.monotonic() > end:
            return Freshness(read_at, n_changed, is_complete=False)
        path = store.from_path(found.path)
        seen.add(path)
        n_changed += not found.refusal and _is_changed(found, stored.get(path), read_at)
    gone = [path for path, each in stored.items() if path not in seen and each.sha256]
    return Freshness(read_at, n_changed + len(gone))


def _files(sources: Sequence[Path], excluded: set[Path]) -> Iterator[Found]:
    for source in sources:
        for found in walk(source, excluded, DEFAULT_LIMITS):
            if isinstance(found, Found):
                yield found


def _is_changed(found: Found, stored: store.Stored | None, read_at: datetime) -> bool:
    """A file that was written shortly before it was read has no stamp to compare: its content tells."""
    if stored is None:
        return True
    changed_at = int(found.stamp.split()[2]) / 1e9
    if is_current(stored, found.stamp) or changed_at <= read_at.timestamp() - SECONDS_SETTLED:
        return False
    return found.size_bytes > LARGEST_OPENED or _sha256(found.path) != stored.sha256


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
