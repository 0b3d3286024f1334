"""What the models' thread does with each job. Only that thread imports this file."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

from localcollab.catalog.methods import check_threshold
from localcollab.chat.transcript import Turn
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.documents.answer import answer as answering
from localcollab.documents.answer.answer import Library
from localcollab.documents.answer.events import AnswerEvent, Sources
from localcollab.errors import BadOption, LocalcollabError
from localcollab.events import Finished, Prompted
from localcollab.language_model import LanguageModel
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import Gate, parse_gate
from localcollab.progress import OnProgress
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import BASE
from localcollab.teams.session import Session
from localcollab_tui.engine import session_cache, states
from localcollab_tui.engine.asked import (
    facts_of,
    library_of,
    opens_reasoning,
    sampling_of,
    set_threads,
    with_system,
)
from localcollab_tui.engine.blend import OpenBlend
from localcollab_tui.engine.fitting import (
    Fitted,
    Fitting,
    alone_too_long,
    estimate_if_far_too_long,
)
from localcollab_tui.engine.second_reader import (
    SecondReader,
    p_defer_along,
    predict,
    second_reader,
    token_text,
)
from localcollab_tui.messages import (
    BASE_ALONE,
    Ask,
    Began,
    DocsInUse,
    FreeReaders,
    Inspect,
    Inspected,
    Job,
    Load,
    Loading,
    OpenFailed,
    Preview,
    Previewed,
    PromptShown,
    Question,
    Ready,
    Report,
    SetGate,
    ShowPrompt,
    Streamed,
    TeamFacts,
    TooLong,
    Unfinished,
    UseDocs,
)
from localcollab_tui.parameters import named_for_chat

OpenByName = Callable[[str | None, OnProgress], OpenTeam | OpenBlend]
"""A team's name (None: the default) -> the open team or blend. Raises what opening raises."""


class Worker:
    def __init__(
        self,
        open_by_name: OpenByName,
        report: Report,
        stop_event: threading.Event,
        reader: SecondReader | None = None,
    ) -> None:
        self._open_by_name, self._report, self._stop_event = open_by_name, report, stop_event
        self._second_reader = reader or second_reader
        self._open: OpenTeam | OpenBlend | None = None
        self._name: str | None = None
        self._states = states.ChatStates()
        self._own_gate: Gate | None = None
        self._sessions = session_cache.SessionCache()
        self._fitting = Fitting(report, stop_event)
        self._library: Library | None = None
        self._others: dict[str, OpenTeam] = {}
        self._readers: dict[str, LanguageModel] = {}

    def do(self, job: Job) -> None:
        """Raises `LocalcollabError`."""
        match job:
            case UseDocs():
                self._use_docs(job)
            case Load():
                self._load(job)
            case Ask():
                self._ask(job)
            case SetGate():
                self._set_gate(job)
            case Inspect():
                self._inspect(job)
            case Preview():
                self._preview(job)
            case ShowPrompt():
                self._show_prompt(job)
            case FreeReaders():
                self._free_readers()

    def rest(self) -> None:
        if self._open is not None:
            self._states.keep(self._open, least_new=states.MUCH)

    def close(self) -> None:
        if self._open is not None:
            self._states.keep(self._open)
            self._states.flush(self._open)

    def _load(self, job: Load) -> None:
        if self._open is not None:
            self._states.keep(self._open)
        # Close the old team first: two may not fit into memory.
        if isinstance(self._open, OpenBlend):
            self._open.residence.close()
        self._open = self._own_gate = None
        self._sessions.clear()
        self._free_readers()
        try:
            self._report(Ready(self._opened(job.team)))
        except LocalcollabError as error:
            if self._name is None:
                raise
            self._report(OpenFailed(job.team, named_for_chat(str(error)), self._opened(self._name)))

    def _opened(self, name: str | None) -> TeamFacts:
        team = self._open_by_name(name, lambda doing: self._report(Loading(str(doing))))
        self._open = team
        if not isinstance(team, OpenBlend) and isinstance(team.model, DeferralTeam):
            self._own_gate = team.model.gate
        facts = team.facts if isinstance(team, OpenBlend) else facts_of(team)
        self._name = facts.name
        return facts

    def _ask(self, job: Ask) -> None:
        if job.model is None and isinstance(self._open, OpenBlend):
            self._ask_blend(self._open, job)
            return
        if job.goes_on is not None:
            self._go_on(job, job.goes_on)
            return
        team = self._team() if job.model is None else self._other(job.model)
        job = with_system(job, team)
        set_threads(team, job.options)
        is_own = job.model is None
        if is_own:
            self._states.begin(team, job.question, self._library)
        fitted = self._fitted(job, team)
        if fitted is None:
            return
        job = replace(job, question=fitted.question)
        session = self._session_of(job)(team, job.question)
        prompt = session.prompt(job.question.text)
        sampling, limits = sampling_of(
            job.options, team, docs=self._library is not None and job.model is None
        )
        opens, facts = opens_reasoning(team, prompt), facts_of(team)
        sources: Sources | None = None
        for event in self._answer(session, job, sampling, limits):
            match event:
                case Sources():
                    sources = event
                    sent = answering.sent(event, job.question.text)
                    self._sessions.keep_prompt(team, job.question, session.prompt(sent))
                case Prompted():
                    event = replace(event, notes=(*fitted.notes, *event.notes))
                    asked = job.question
                    self._report(Began(job.ticket, event, facts, opens, asked.drop, asked.summary))
                    if sources is not None:
                        self._report(Streamed(job.ticket, sources))
                case _:
                    if is_own and isinstance(event, Finished):
                        self._sessions.add_turn(job.question, event)
                    self._report(Streamed(job.ticket, event))

    def _fitted(self, job: Ask, team: OpenTeam) -> Fitted | None:
        """With a question that fits into the context. None: it was reported as too long."""
        question = job.question
        found: Fitted | TooLong | None = alone_too_long(job, team)
        if found is None:
            is_open = job.model is None and self._sessions.holds(team, question)
            n_prompt = None if is_open else estimate_if_far_too_long(team, question)
            if n_prompt is None:
                session = self._session_of(job)(team, question)
                n_prompt = len(session.prompt(question.text))
            found = self._fitting.fit(job, team, n_prompt)
        if isinstance(found, TooLong):
            self._report(found)
            return None
        return found

    def _session_of(self, job: Ask) -> Callable[[OpenTeam, Question], Session]:
        is_own = job.model is None
        return self._sessions.before if is_own else session_cache.session_before

    def _go_on(self, job: Ask, written: Unfinished) -> None:
        """More of an answer. Raises `BadOption` where no room can be made for it."""
        team = self._team()
        set_threads(team, job.options)
        self._states.begin(team, job.question, self._library)
        answer = Turn(job.question.text, written.text, written.tokens)
        fitted = self._fitting.fit_answer(job, team, answer)
        asked, facts, n_kept = fitted.question, facts_of(team), 0
        newly_dropped = asked.drop if asked.drop > job.question.drop else 0
        session = self._sessions.with_answer(team, asked, answer)
        sampling, limits = sampling_of(job.options, team, docs=False)
        for event in session.more(
            sampling, limits, stop_event=self._stop_event, after_loop=written.in_loop
        ):
            if isinstance(event, Prompted):
                n_kept = event.n_continued
                event = replace(event, notes=fitted.notes)
                self._report(Began(job.ticket, event, facts, False, newly_dropped, asked.summary))
                continue
            if isinstance(event, Finished):
                ids = written.tokens[:n_kept] + event.tokens
                self._sessions.add_to_answer(Turn(answer.question, answer.answer + event.text, ids))
            self._report(Streamed(job.ticket, event))

    def _ask_blend(self, blend: OpenBlend, job: Ask) -> None:
        if job.goes_on is not None:
            raise BadOption(
                f"{blend.facts.name} is a blend, which picks among whole answers, so no answer goes on: "
                "use /regen with a larger /set max_tokens"
            )
        if self._library is not None:
            raise BadOption(
                f"{blend.facts.name} is a blend, which cannot answer from documents: use /docs off, or "
                "/team to open one of its members"
            )
        self._states.begin(blend, job.question, None)
        first = blend.first()
        found = alone_too_long(job, first) or self._fitting.fit(job, first, None)
        if isinstance(found, TooLong):
            self._report(found)
            return
        job = replace(job, question=found.question)
        sampling = sampling_of(job.options, None, docs=False)
        for said in blend.ask(job, *sampling, self._stop_event, notes=found.notes):
            self._report(said)

    def _answer(
        self, session: Session, job: Ask, sampling: Sampling, limits: Limits
    ) -> Iterator[AnswerEvent]:
        """Comparisons use no documents."""
        text, stop_event = job.question.text, self._stop_event
        if self._library is None or job.model is not None:
            takes_back = job.model is None
            return session.ask(text, sampling, limits, stop_event=stop_event, takes_back=takes_back)
        return answering.ask(
            session, self._library, text, sampling, limits, stop_event=stop_event, takes_back=True
        )

    def _use_docs(self, job: UseDocs) -> None:
        library = library_of(job)
        if self._library is not None:
            self._library.collection.close()
        self._library = library
        if library is None:
            self._report(DocsInUse(None))
            return
        n_documents = sum(each.status == "indexed" for each in library.collection.documents())
        self._report(DocsInUse(library.name, job.strict, n_documents))

    def _set_gate(self, job: SetGate) -> None:
        team = self._team()
        model = team.model
        if not isinstance(model, DeferralTeam):
            raise BadOption(f"{team.name}: this team has no gate: choose a deferral team (/team)")
        threshold = model.threshold if job.threshold is None else check_threshold(job.threshold)
        gate = self._gate(job.gate, model) if job.gate else model.gate
        model.gate, model.threshold = gate, threshold
        self._report(Ready(facts_of(team)))

    def _inspect(self, job: Inspect) -> None:
        tokens = [*self._prompt_of(job.question), *job.answer[: job.at]]
        written = job.answer[job.at]
        predictions = tuple(
            predict(self._reader(name), name, tokens, written) for name in self._team().members
        )
        self._report(Inspected(job.ticket, job.at, predictions))

    def _preview(self, job: Preview) -> None:
        model = self._team().model
        if not isinstance(model, DeferralTeam):
            raise BadOption(f"{model.name}: this team has no gate: choose a deferral team (/team)")
        gate = self._gate(job.gate, model)
        along = p_defer_along(self._reader(BASE), gate, self._prompt_of(job.question), job.answer)
        self._report(Previewed(job.ticket, job.gate, along))

    def _show_prompt(self, job: ShowPrompt) -> None:
        base = self._team().base
        prompt = self._prompt_of(job.question)
        self._report(PromptShown(job.ticket, tuple((t, token_text(base, t)) for t in prompt)))

    def _free_readers(self) -> None:
        self._others.clear()
        self._readers.clear()

    def _gate(self, name: str, model: DeferralTeam) -> Gate:
        if name == "head":
            if self._own_gate is None or self._own_gate.name != "head":
                raise BadOption(f"{model.name} has no trained head: use entropy or margin")
            return self._own_gate
        return parse_gate(name, len(model.experts))

    def _team(self) -> OpenTeam:
        if self._open is None:
            raise BadOption("no team is open: choose one with /team")
        if isinstance(self._open, OpenBlend):
            raise self._open.refusal()
        return self._open

    def _other(self, name: str) -> OpenTeam:
        """For comparison, with its own contexts."""
        if name not in self._others:
            self._others[name] = self._contender(name)
        return self._others[name]

    def _contender(self, name: str) -> OpenTeam:
        if name != BASE_ALONE:
            other = self._open_by_name(name, lambda doing: self._report(Loading(str(doing))))
            if isinstance(other, OpenBlend):
                other.residence.close()
                raise other.refusal()
            return other
        team = self._team()
        base = self._second_reader(team.base)
        return OpenTeam(BASE, base, {BASE: base}, {}, team.template)

    def _reader(self, name: str) -> LanguageModel:
        if name not in self._readers:
            self._readers[name] = self._second_reader(self._team().members[name])
        return self._readers[name]

    def _prompt_of(self, question: Question) -> list[int]:
        return self._sessions.prompt(self._team(), question)
