"""A collection's file."""

from pathlib import Path

from localcollab.documents.store.schema import APPLICATION_ID, MIGRATIONS
from localcollab.errors import BadCollection
from localcollab.storage import sqlite

SECONDS_BUSY = 10.0
"""How long a call waits for another process that writes."""
_FORMAT = sqlite.Format(
    noun="collection",
    error=BadCollection,
    application_id=APPLICATION_ID,
    migrations=MIGRATIONS,
    if_damaged="delete it and add the documents again",
    if_foreign="give another name",
    # A power failure costs the latest files, which sync finds again.
    pragmas=("PRAGMA synchronous = NORMAL",),
)


class Database(sqlite.Database):
    def __init__(self, path: Path | None) -> None:
        super().__init__(path, _FORMAT, SECONDS_BUSY)
