"""The models' thread: takes jobs from a queue, one after the other, and says what happens.

Knows no screen. Everything that imports numpy or llama.cpp is imported in the thread, so that a
screen can be shown before.
"""

import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from localcollab.errors import LocalcollabError
from localcollab_tui.jobs import Ask, Failed, Job, Load, NotOpened, Said

if TYPE_CHECKING:
    from localcollab.teams.open import OnProgress, OpenTeam
    from localcollab_tui.blending import OpenBlend
    from localcollab_tui.looking import SecondReader

Say = Callable[[Said], None]
OpenByName = Callable[[str | None, "OnProgress"], "OpenTeam | OpenBlend"]
"""A team's name (None: the default) -> the open team, or blend. Raises what opening raises."""


class Engine:
    """`submit` and `stop` may be called from any thread."""

    def __init__(
        self, open_by_name: OpenByName, say: Say, second_reader: "SecondReader | None" = None
    ) -> None:
        self._open_by_name, self._say, self._second_reader = open_by_name, say, second_reader
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._stop_event = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="models", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, job: Job) -> None:
        if isinstance(job, Ask):
            self._stop_event.clear()
        self._jobs.put(job)

    def stop(self) -> None:
        """End the answer that is being written; what was written so far is kept."""
        self._stop_event.set()

    def close(self, seconds: float = 3.0) -> bool:
        """Stop and end the thread. False: a model is still being loaded."""
        self._closed = True
        self._stop_event.set()
        self._jobs.put(None)
        if self._thread.is_alive():
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        # Imported here: numpy and llama.cpp come with it.
        from localcollab_tui.work import Work

        work = Work(self._open_by_name, self._say, self._stop_event, self._second_reader)
        while (job := self._jobs.get()) is not None and not self._closed:
            try:
                work.do(job)
            except LocalcollabError as error:
                self._say(_failure(job, str(error)))
            except Exception as error:
                # A defect must not end the thread in silence: the screen shows it.
                self._say(_failure(job, f"{type(error).__name__}: {error}"))
                if not isinstance(error, OSError | MemoryError):
                    import logging

                    logging.getLogger("localcollab.tui").exception("job failed")


def _failure(job: Job, why: str) -> Said:
    if isinstance(job, Load):
        return NotOpened(job.team, why)
    return Failed(getattr(job, "ticket", 0), why)
