"""What is done with each job where a server answers; see `engine.worker`."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from localcollab.chat.transcript import Turn, without_reasoning
from localcollab.errors import BadOption
from localcollab.events import Prompted
from localcollab.history.resume import turns_of
from localcollab_tui.messages import (
    BASE_ALONE,
    Ask,
    Began,
    DocsInUse,
    FreeReaders,
    Inspect,
    Job,
    Load,
    Loading,
    OpenFailed,
    Preview,
    Question,
    Ready,
    Report,
    SetGate,
    ShowPrompt,
    Streamed,
    TeamFacts,
    TooLong,
    UseDocs,
)
from localcollab_tui.remote.connection import ServerFailed, StoppedByUser, refusal
from localcollab_tui.remote.events import Heard
from localcollab_tui.remote.models import Model, Offered

_NAMES = {"repeat_last": "repeat_last_n"}
"""An option of /set -> what servers call it, where that is another name."""
_HERE = ("threads", "overflow")
"""Options of /set that are not the server's."""
_CONTEXT_FULL = ("context_length_exceeded", "exceed_context_size_error")
_NO_PROBABILITIES = "the server tells no probabilities, so nothing is marked for a double-check"


class RemoteWorker:
    def __init__(self, offered: Offered, report: Report, stop_event: threading.Event) -> None:
        self._offered, self._server = offered, offered.server
        self._report, self._stop_event = report, stop_event
        self._model: Model | None = None
        self._wanted: str | None = None
        self._has_logprobs = True

    def do(self, job: Job) -> None:
        """Raises `LocalcollabError`."""
        match job:
            case Load():
                self._load(job)
            case Ask():
                self._ask(job)
            case UseDocs():
                self._use_docs(job)
            case SetGate():
                raise self._refusal("decides who writes")
            case Inspect() | Preview() | ShowPrompt():
                raise self._refusal("keeps the prompt and its models")
            case FreeReaders():
                pass

    def rest(self) -> None:
        """The server has the caches."""

    def close(self) -> None:
        """See `rest`."""

    def _load(self, job: Load) -> None:
        self._report(Loading(f"asking {self._server.address}"))
        before, self._wanted = self._model, job.team
        try:
            self._model = self._chosen(job.team)
        except ServerFailed as error:
            if before is None:
                raise
            self._wanted = before.name
            self._report(OpenFailed(job.team, str(error), self._facts(before)))
            return
        self._report(Ready(self._facts(self._model)))

    def _chosen(self, name: str | None) -> Model:
        """Raises `ServerFailed`."""
        models = self._offered.ask()
        if not models:
            raise ServerFailed(f"{self._server.address} offers no model that can chat")
        for model in models:
            if name is None or model.name == name:
                return model
        known = ", ".join(model.name for model in models)
        raise ServerFailed(f"{self._server.address} does not offer {name!r}: there are {known}")

    def _facts(self, model: Model) -> TeamFacts:
        address = self._server.address
        where = f"questions and answers go to {address}"
        if not address.is_encrypted and not address.is_here:
            where += ", not encrypted"
        return TeamFacts(
            model.name, model.members or (model.name,), model.n_ctx, gate=None, threshold=None,
            takes_system=True, notes=(where,),
        )  # fmt: skip

    def _use_docs(self, job: UseDocs) -> None:
        if job.collection is not None or job.files:
            raise BadOption(
                "a server answers without the documents of this machine: name them with localcollab "
                "serve --docs and ask on its page"
            )
        self._report(DocsInUse(None))

    def _refusal(self, why: str) -> BadOption:
        return BadOption(
            f"{self._server.address} answers, and {why}: open the team without --server"
        )

    # Answers

    def _ask(self, job: Ask) -> None:
        if job.goes_on is not None:
            raise BadOption(
                "no server goes on with an answer: use /regen with a larger /set max_tokens, or ask for "
                "more in words"
            )
        if job.model == BASE_ALONE:
            raise BadOption(
                "a server does not answer with a team's base alone: compare with a name that it offers"
            )
        if self._model is None:  # the server was not there
            self._model = self._chosen(self._wanted)
            self._report(Ready(self._facts(self._model)))
        model = self._model if job.model is None else self._chosen(job.model)
        question = job.question
        while True:
            try:
                self._answer(replace(job, question=question), model)
                return
            except ServerFailed as error:
                n_turns = len(_turns(question))
                # Within an answer (status 0) it is too late.
                is_full = error.status and error.code in _CONTEXT_FULL
                if not is_full or n_turns <= question.drop:
                    raise
                drop = question.drop + max(1, (n_turns - question.drop) // 2)
                if dict(job.options).get("overflow") == "ask":
                    self._report(TooLong(job.ticket, 0, model.n_ctx, drop, str(error)))
                    return
                question = replace(question, drop=drop)

    def _answer(self, job: Ask, model: Model) -> None:
        """Raises `ServerFailed`, behind a part of the answer too."""
        answering = _Answering(job, self._facts(model), self._report, Heard(model.name))
        try:
            for chunk in self._chunks(job, model):
                answering.add(chunk)
        except StoppedByUser:
            answering.end(is_stopped=True)
            return
        if answering.heard.reason is None:
            raise ServerFailed(f"{self._server.address} ended the answer before it was whole")
        answering.end()

    def _chunks(self, job: Ask, model: Model) -> Iterator[Any]:
        body = body_of(job, model, has_logprobs=self._has_logprobs)
        try:
            yield from self._server.stream("/chat/completions", body, self._stop_event)
        except ServerFailed as error:
            if (
                error.status != 400
                or "logprobs" not in f"{error.parameter} {error}"
                or model.is_ours
            ):
                raise
            self._has_logprobs = False
            body = body_of(job, model, has_logprobs=False)
            yield from self._server.stream("/chat/completions", body, self._stop_event)


@dataclass(slots=True)
class _Answering:
    """One answer on its way: nothing is reported before it is known how the server tells it."""

    job: Ask
    facts: TeamFacts
    report: Report
    heard: Heard
    has_begun: bool = False

    def add(self, chunk: Any) -> None:
        """Raises `ServerFailed`."""
        if isinstance(chunk, Mapping) and chunk.get("error"):
            raise refusal("the server", 0, chunk)
        for event in self.heard.add(chunk):
            self._begin()
            self.report(Streamed(self.job.ticket, event))

    def end(self, *, is_stopped: bool = False) -> None:
        self._begin()
        self.report(Streamed(self.job.ticket, self.heard.finished(is_stopped=is_stopped)))

    def _begin(self) -> None:
        if self.has_begun:
            return
        self.has_begun = True
        asked = self.job.question
        notes = () if self.heard.has_probabilities else (_NO_PROBABILITIES,)
        prompted = Prompted(self.heard.n_prompt, notes=notes)
        ticket = self.job.ticket
        self.report(Began(ticket, prompted, self.facts, False, asked.drop, asked.summary))


def body_of(job: Ask, model: Model, *, has_logprobs: bool) -> dict[str, object]:
    """Of POST /v1/chat/completions."""
    own = {_NAMES.get(name, name): value for name, value in job.options if name not in _HERE}
    told: dict[str, object] = {"return_progress": True} if model.is_ours else {}
    if has_logprobs and not model.is_ours:
        told["logprobs"] = True
    return {
        "model": model.name, "messages": _messages(job.question), "stream": True,
        "stream_options": {"include_usage": True}, **told, **own,
    }  # fmt: skip


def _messages(question: Question) -> list[dict[str, str]]:
    said = [("system", question.system_sent)] if question.system_sent else []
    for turn in _turns(question)[question.drop :]:
        said += [("user", turn.question), ("assistant", without_reasoning(turn.answer))]
    said.append(("user", question.text))
    return [{"role": role, "content": text} for role, text in said]


def _turns(question: Question) -> tuple[Turn, ...]:
    return turns_of(question.before, question.ids, "")
