"""What the models' thread says, kept until the screen is ready for it: 30 frames a second, no more."""

import threading
from collections.abc import Callable

from localcollab_tui.jobs import Said


class Mailbox:
    """`put` from any thread; `wake` is called once, until the mail was taken."""

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._waiting: list[Said] = []
        self._lock = threading.Lock()

    def put(self, said: Said) -> None:
        with self._lock:
            self._waiting.append(said)
            is_first = len(self._waiting) == 1
        if is_first:
            self._wake()

    def take(self) -> list[Said]:
        with self._lock:
            taken, self._waiting = self._waiting, []
        return taken
