"""The models' thread: takes jobs from a queue, one after the other, and reports updates.

It knows no screen. What imports numpy or llama.cpp is imported inside the thread, so that the screen
can be shown before.
"""

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from localcollab.errors import LocalcollabError, NotSupported
from localcollab_tui.crash_report import crash_report
from localcollab_tui.messages import Ask, Failed, Job, Load, OpenFailed, Report, Unexpected, Update
from localcollab_tui.parameters import named_for_chat

if TYPE_CHECKING:
    from localcollab_tui.engine.second_reader import SecondReader
    from localcollab_tui.engine.worker import OpenByName


_SECONDS_TO_REST = 15.0


class DoesJobs(Protocol):
    """Used by one thread, in which it was made."""

    def do(self, job: Job) -> None:
        """Raises `LocalcollabError`."""
        ...

    def rest(self) -> None:
        """Nothing was asked for a while: time for what nobody waits for."""
        ...

    def close(self) -> None:
        """No job follows."""
        ...


MakeWorker = Callable[[Report, threading.Event], DoesJobs]
"""What to report to; the event that ends an answer."""


def on_own_models(
    open_by_name: "OpenByName", second_reader: "SecondReader | None" = None
) -> MakeWorker:
    """Jobs are done by models of this process."""

    def make(report: Report, stop_event: threading.Event) -> DoesJobs:
        # Imported here: numpy and llama.cpp come with it.
        from localcollab_tui.engine.worker import Worker

        return Worker(open_by_name, report, stop_event, second_reader)

    return make


class Engine:
    """`submit` and `stop` may be called from any thread."""

    def __init__(self, make_worker: MakeWorker, report: Report) -> None:
        self._make_worker, self._report = make_worker, report
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
        """Stop, and end the thread. False: it is still loading a model."""
        self._closed = True
        self._stop_event.set()
        self._jobs.put(None)
        if self._thread.is_alive():
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        worker = self._make_worker(self._report, self._stop_event)
        while (job := self._next(worker)) is not None and not self._closed:
            try:
                worker.do(job)
            except LocalcollabError as error:
                stored = error.without_documents if isinstance(error, NotSupported) else None
                self._report(_failure(job, named_for_chat(str(error)), stored))
            except Exception as error:
                # A bug must not end the thread silently: the screen shows it.
                self._report(_failure(job, f"{type(error).__name__}: {error}"))
                if not isinstance(error, OSError | MemoryError):
                    self._report(Unexpected(crash_report(error)))
        self._beside_jobs(worker.close)

    def _next(self, worker: DoesJobs) -> Job | None:
        with contextlib.suppress(queue.Empty):
            return self._jobs.get(timeout=_SECONDS_TO_REST)
        self._beside_jobs(worker.rest)
        return self._jobs.get()

    def _beside_jobs(self, work: Callable[[], None]) -> None:
        """What nobody has asked for must not end the thread either."""
        try:
            work()
        except (LocalcollabError, OSError, MemoryError):
            return  # nobody waits for it
        except Exception as error:
            self._report(Unexpected(crash_report(error)))


def _failure(job: Job, why: str, stored: str | None = None) -> Update:
    if isinstance(job, Load):
        return OpenFailed(job.team, why)
    return Failed(getattr(job, "ticket", 0), why, stored)


class Mailbox:
    """Updates until the screen takes them. `put` from any thread; `wake` is called once per `take`."""

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._waiting: list[Update] = []
        self._lock = threading.Lock()

    def put(self, update: Update) -> None:
        with self._lock:
            self._waiting.append(update)
            is_first = len(self._waiting) == 1
        if is_first:
            self._wake()

    def take(self) -> list[Update]:
        with self._lock:
            taken, self._waiting = self._waiting, []
        return taken
