"""Kill `localcollab chat` again and again while it streams and saves; then read what it left behind.

The real app on a terminal of its own, with the shipped team, all kills on one history. A finished turn
is one that another reader of the history saw finished before the kill.

python scripts/experiments/kill_chat.py [--kills 100] [--seed 0] [--folder DIR]
"""

import argparse
import os
import pty
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from localcollab.history import History, open_history
from localcollab.history.answers import INTERRUPTED

QUESTIONS = (
    "What does Cobrorlin contain?", "What do 10 doses of Lelgidone add up to?",
    "Who makes Kihelrine?", "Hello",
)  # fmt: skip
SECONDS_STREAMING = 3.0
"""The longest that a run may go on after its first answer began."""
SECONDS_AN_ANSWER = 0.03
"""The shipped team writes one in so many: every other kill comes within the first."""
_SECONDS_TO_BEGIN = 120.0
_FINISHED = "SELECT id, text FROM messages WHERE role = 'assistant' AND status = 'complete'"


@dataclass
class Tally:
    n_kills: int = 0
    finished: dict[int, str] = field(default_factory=dict)
    """Every answer that was seen finished, with its text."""
    partial: set[int] = field(default_factory=set)
    moments: Counter[str] = field(default_factory=Counter)

    def line(self) -> str:
        moments = ", ".join(f"{n} {moment}" for moment, n in sorted(self.moments.items()))
        return (
            f"{self.n_kills} kills ({moments}): the history opened every time; {len(self.finished)} "
            f"finished turns, none lost; {len(self.partial)} partial answers, all marked"
        )


class Chat:
    """The app in a process of its own, typed at through a pseudo terminal."""

    def __init__(self, folder: Path) -> None:
        self._main, terminal = pty.openpty()
        homes = {f"XDG_{kind}_HOME": str(folder / kind) for kind in ("DATA", "CONFIG", "CACHE")}
        command = [sys.executable, "-m", "localcollab.cli.main", "chat"]
        self._process = subprocess.Popen(
            command, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
            env=os.environ | homes | {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"},
        )  # fmt: skip
        os.close(terminal)
        self._shown = b""
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()

    def wait_for(self, text: bytes) -> None:
        give_up = time.monotonic() + _SECONDS_TO_BEGIN
        while text not in self._shown:
            assert self._process.poll() is None, self._shown[-2000:].decode(errors="replace")
            assert time.monotonic() < give_up, f"{text!r} was never shown"
            time.sleep(0.01)

    def send(self, line: str) -> None:
        os.write(self._main, line.encode() + b"\r")

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        assert self._process.wait() == -signal.SIGKILL
        self._reader.join(5)
        os.close(self._main)

    def _drain(self) -> None:
        try:
            while data := os.read(self._main, 65536):
                self._shown = (self._shown + data)[-100_000:]
        except OSError:
            return


def kill_once(folder: Path, tally: Tally, rng: random.Random) -> None:
    path = folder / "DATA" / "localcollab" / "history.sqlite3"
    chat = Chat(folder)
    try:
        chat.wait_for(b"F1 help")
        with open_history(path):
            before = _newest(path)
        chat.send(rng.choice(QUESTIONS))
        _go_on(chat, path, before, rng, tally)
    finally:
        chat.kill()
    tally.n_kills += 1
    check(path, tally)


def _go_on(chat: Chat, path: Path, before: int, rng: random.Random, tally: Tally) -> None:
    """Ask on until a random moment after the first answer began."""
    began, n_asked, n_seen = 0.0, 1, len(tally.finished)
    give_up = time.monotonic() + _SECONDS_TO_BEGIN
    length = rng.uniform(0, rng.choice((SECONDS_AN_ANSWER, SECONDS_STREAMING)))
    reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    while not began or time.monotonic() < began + length:
        assert time.monotonic() < give_up, "no answer began"
        tally.finished |= dict(reader.execute(_FINISHED))
        if not began and _is_begun(reader, before):
            began = time.monotonic()
        if len(tally.finished) - n_seen == n_asked:
            chat.send(rng.choice(QUESTIONS))
            n_asked += 1
        time.sleep(0.001)
    now = reader.execute("SELECT count(*) FROM messages WHERE status = 'streaming'").fetchone()[0]
    tally.moments["while an answer streamed" if now else "between answers"] += 1
    reader.close()


def _newest(path: Path) -> int:
    with sqlite3.connect(path) as connection:
        return int(connection.execute("SELECT coalesce(max(id), 0) FROM messages").fetchone()[0])


def _is_begun(reader: sqlite3.Connection, before: int) -> bool:
    sql = "SELECT 1 FROM messages WHERE role = 'assistant' AND id > ?"
    return reader.execute(sql, (before,)).fetchone() is not None


def check(path: Path, tally: Tally) -> None:
    """What the next start finds. Raises `AssertionError`."""
    with open_history(path) as history:
        for answer, text in tally.finished.items():
            found = history.message(answer)
            assert (found.status, found.text) == ("complete", text), found
            assert "".join(token.text for token in history.tokens(answer)) == text
        partial = _partial(history)
        assert len(partial - tally.partial) <= 1, partial
        tally.partial |= partial
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.execute("INSERT INTO words(words, rank) VALUES ('integrity-check', 1)")
    connection.close()


def _partial(history: History) -> set[int]:
    """Every message but a finished one must be an answer that says that it was cut."""
    partial = set()
    for conversation in history.conversations(limit=history.count()):
        for message in history.branch(conversation.id):
            if message.status == "complete":
                continue
            assert message.status == "stopped", message
            assert message.outcome is not None
            assert message.outcome.notes == (INTERRUPTED,), message
            assert message.text == "".join(t.text for t in history.tokens(message.id))
            partial.add(message.id)
    return partial


def run(folder: Path, n_kills: int, seed: int) -> Tally:
    tally, rng = Tally(), random.Random(seed)
    for _ in range(n_kills):
        kill_once(folder, tally, rng)
        print(tally.line(), file=sys.stderr)
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="Keep the history here.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(run(given.folder or Path(folder), given.kills, given.seed).line())


if __name__ == "__main__":
    main()
