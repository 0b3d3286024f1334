"""Conversations kept on this machine: a tree of messages each, in one SQLite file.

    records     what is stored, as frozen records
    store       `History`: every call the app and the command line make
    recorder    saves an answer while it streams
    resume      a stored branch -> the turns a `Session` goes on from
    database    the file: one connection, its lock, its errors; schema and migrations beside it
    tree, answers, search, packing, exchange, markdown     the parts of the store
    commands, cli                                           `localcollab history`

Only the standard library is imported. Nothing here reads a model.
"""

from localcollab.history.recorder import Recorder
from localcollab.history.records import (
    Conversation,
    Hit,
    Outcome,
    Provenance,
    StoredMessage,
)
from localcollab.history.resume import provenance_of
from localcollab.history.store import History, default_path, open_history

__all__ = [
    "Conversation",
    "History",
    "Hit",
    "Outcome",
    "Provenance",
    "Recorder",
    "StoredMessage",
    "default_path",
    "open_history",
    "provenance_of",
]
