"""Keeps a collection fresh: reads files as they change, told by the operating system (watchfiles)."""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from localcollab.documents.collection import Collection
from localcollab.documents.ingest.batch import OnVisit
from localcollab.documents.parsing.limits import DEFAULT_LIMITS, Limits
from localcollab.documents.records import Tally
from localcollab.errors import LocalcollabError

LONGEST_WAIT = 60.0
"""Seconds after which the files are looked at anyway: not every file system tells of changes."""

Wait = Callable[[Sequence[Path], threading.Event], None]
"""`wait(paths, stop_event)` returns after a change, after `LONGEST_WAIT`, or when stopped."""


def watch(
    collection: Collection,
    stop_event: threading.Event,
    *,
    limits: Limits = DEFAULT_LIMITS,
    on_visit: OnVisit | None = None,
    wait: Wait | None = None,
) -> Iterator[Tally]:
    """What each reading did, the first at once, until the event is set.

    Raises `LocalcollabError` where watchfiles is not installed, and what `sync` raises.
    """
    wait = wait or waiting()
    while not stop_event.is_set():
        yield collection.sync(limits=limits, on_visit=on_visit)
        paths = [each.path for each in collection.sources() if not each.is_excluded]
        wait([path for path in paths if path.exists()], stop_event)


def waiting() -> Wait:
    """By watchfiles. Raises `LocalcollabError` without it."""
    try:
        import watchfiles
    except ModuleNotFoundError as error:
        raise LocalcollabError(
            "docs watch needs watchfiles: pip install 'localcollab[watch]'"
        ) from error

    def wait(paths: Sequence[Path], stop_event: threading.Event) -> None:
        if not paths:
            stop_event.wait(LONGEST_WAIT)
            return
        changes = watchfiles.watch(
            *paths, stop_event=stop_event, yield_on_timeout=True, watch_filter=None,
            rust_timeout=int(1000 * LONGEST_WAIT), ignore_permission_denied=True,
        )  # fmt: skip
        next(changes, None)
        changes.close()

    return wait
