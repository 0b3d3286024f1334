"""Conversations kept on this machine: each a tree of messages, all in one SQLite file.

`History` (`store`) is what the app and the command line call; `Recorder` saves an answer while it
streams; `resume` turns a stored branch into what a `Session` continues from. Reads no model and starts
none; generating is left to `teams`, the commands to `cli`.
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
