"""A models' thread without a thread: answers at once, or token by token when the test says so."""

from collections import Counter, deque
from collections.abc import Iterator

from localcollab.events import Finished, Progress, Prompted, Token
from localcollab_tui.engine.thread import Engine
from localcollab_tui.messages import (
    Ask,
    Began,
    Candidate,
    DocsInUse,
    Failed,
    FreeReaders,
    Inspect,
    Inspected,
    Job,
    Load,
    Loading,
    OpenFailed,
    Prediction,
    Preview,
    Previewed,
    PromptShown,
    Ready,
    Report,
    SetGate,
    ShowPrompt,
    Streamed,
    TeamFacts,
    TooLong,
    Update,
    UseDocs,
)

MEMBERS = ("base", "expert")
TEAMS = ("fake", "other")


class ScriptedEngine(Engine):
    """A question with `fail`, `long` or `endless` in it ends so; every other is answered in four tokens.

    An answer waits for `advance`; jobs behind it wait for its end, as in the real thread.
    """

    def __init__(self, report: Report) -> None:
        super().__init__(lambda report, stop_event: 1 / 0, report)  # type: ignore[arg-type,return-value]
        self._send = report
        self._waiting: deque[Job] = deque()
        self._answer: Iterator[Update] | None = None
        self._is_stopped = False
        self._facts = TeamFacts("fake", MEMBERS, 4096, "entropy", 0.5, True, vocabulary="toy")

    def start(self) -> None:
        return

    def close(self, seconds: float = 3.0) -> bool:
        self.stop()
        return True

    def submit(self, job: Job) -> None:
        self._waiting.append(job)
        self._work()

    def stop(self) -> None:
        self._is_stopped = True
        self.advance(1_000)

    def advance(self, n: int) -> None:
        """Go on with the answer by so many updates."""
        for _ in range(n):
            update = next(self._answer, None) if self._answer is not None else None
            if update is None:
                break
            self._send(update)
        else:
            return
        self._answer = None
        self._work()

    def _work(self) -> None:
        while self._answer is None and self._waiting:
            job = self._waiting.popleft()
            if isinstance(job, Ask):
                self._is_stopped = False
                self._answer = self._answered(job)
                self.advance(2)
            else:
                for update in self._done(job):
                    self._send(update)

    def _answered(self, job: Ask) -> Iterator[Update]:
        text, ticket = job.question.text, job.ticket
        if "fail" in text:
            yield Failed(ticket, "the model failed")
            return
        if (
            "long" in text and job.question.drop < len(job.question.before) // 2
        ) or "endless" in text:
            drop = None if "endless" in text else job.question.drop + 1
            yield TooLong(ticket, 5000, 4096, drop)
            return
        yield Began(ticket, Prompted(8), self._facts, opens_reasoning=False)
        yield Streamed(ticket, Progress(8, 8))
        words = ["You", " said", f" {text}", "."]
        tokens = [
            Token(n, word, MEMBERS[n % 2], 0.4 if n == 1 else 0.9, 0.3 * n, n == 1)
            for n, word in enumerate(words)
        ]
        written = []
        for token in tokens:
            if self._is_stopped:
                break
            written.append(token)
            yield Streamed(ticket, token)
        said = "".join(token.text for token in written)
        authors = dict(Counter(token.author for token in written))
        reason = "stopped" if self._is_stopped else "end"
        ids = tuple(token.id for token in written)
        yield Streamed(ticket, Finished(reason, said, ids, 8, authors, 0.1, 0.1))  # type: ignore[arg-type]

    def _done(self, job: Job) -> Iterator[Update]:
        match job:
            case Load(team):
                yield from self._loaded(team)
            case SetGate(gate):
                if gate == "nosuch":
                    yield Failed(0, "gate 'nosuch' is not known")
                else:
                    yield Ready(self._facts)
            case UseDocs(collection, strict):
                yield (
                    DocsInUse(collection, strict, 3) if collection != "nix" else Failed(0, "no nix")
                )
            case Inspect(ticket, _, _, at):
                tops = (Candidate("a", 0.5), Candidate("b", 0.2))
                yield Inspected(ticket, at, tuple(Prediction(m, tops, 0.1) for m in MEMBERS))
            case Preview(ticket, _, answer, gate):
                yield Previewed(ticket, gate, (0.7,) * len(answer))
            case ShowPrompt(ticket, question):
                yield PromptShown(ticket, ((1, "user: "), (2, question.text)))
            case FreeReaders():
                return

    def _loaded(self, team: str | None) -> Iterator[Update]:
        name = team or TEAMS[0]
        yield Loading(f"loading {name}")
        if name in TEAMS:
            self._facts = TeamFacts(name, MEMBERS, 4096, "entropy", 0.5, True, vocabulary=name)
            yield Ready(self._facts)
        else:
            yield OpenFailed(team, "there is no such team", self._facts)
