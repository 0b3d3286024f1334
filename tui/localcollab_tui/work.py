"""What the models' thread does with each job. Only that thread imports this file."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.documents.answer import answer as answering
from localcollab.documents.answer.answer import Library
from localcollab.documents.answer.events import AnswerEvent, Sources
from localcollab.documents.collection import open_collection
from localcollab.errors import BadOption, ContextFull, LocalcollabError
from localcollab.events import Finished, Prompted
from localcollab.language_model import LanguageModel
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import Gate, check_threshold, parse_gate
from localcollab.teams.open import BASE, OpenTeam
from localcollab.teams.session import Session, require_room
from localcollab_tui import kept
from localcollab_tui.blending import OpenBlend
from localcollab_tui.engine import OpenByName, Say
from localcollab_tui.jobs import (
    BASE_ALONE,
    Ask,
    Began,
    Decide,
    DocsUsed,
    Heard,
    Job,
    LetGo,
    Load,
    Loading,
    Look,
    Looked,
    NotOpened,
    Options,
    Preview,
    Previewed,
    PromptShown,
    Question,
    Ready,
    ShowPrompt,
    TeamFacts,
    UseDocs,
    WontFit,
)
from localcollab_tui.looking import (
    SecondReader,
    opinion,
    p_defer_along,
    second_reader,
    token_text,
)


class Work:
    def __init__(
        self,
        open_by_name: OpenByName,
        say: Say,
        stop_event: threading.Event,
        reader: SecondReader | None = None,
    ) -> None:
        self._open_by_name, self._say, self._stop_event = open_by_name, say, stop_event
        self._second_reader = reader or second_reader
        self._open: OpenTeam | OpenBlend | None = None
        self._name: str | None = None
        self._own_gate: Gate | None = None
        self._kept = kept.KeptSession()
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
            case Decide():
                self._decide(job)
            case Look():
                self._look(job)
            case Preview():
                self._preview(job)
            case ShowPrompt():
                self._show_prompt(job)
            case LetGo():
                self._let_go()

    def _load(self, job: Load) -> None:
        # Let the old team go first: two may not fit the memory.
        if isinstance(self._open, OpenBlend):
            self._open.residence.close()
        self._open = self._own_gate = None
        self._kept.let_go()
        self._let_go()
        try:
            self._say(Ready(self._opened(job.team)))
        except LocalcollabError as error:
            if self._name is None:
                raise
            self._say(NotOpened(job.team, str(error), self._opened(self._name)))

    def _opened(self, name: str | None) -> TeamFacts:
        team = self._open_by_name(name, lambda text: self._say(Loading(text)))
        self._open = team
        if not isinstance(team, OpenBlend) and isinstance(team.model, DeferralTeam):
            self._own_gate = team.model.gate
        facts = team.facts if isinstance(team, OpenBlend) else _facts(team)
        self._name = facts.name
        return facts

    def _ask(self, job: Ask) -> None:
        if job.who is None and isinstance(self._open, OpenBlend):
            self._ask_blend(self._open, job)
            return
        team = self._team() if job.who is None else self._other(job.who)
        is_own = job.who is None
        try:
            require_room(team.model, job.question.text)
        except ContextFull as error:
            self._say(WontFit(job.ticket, 0, team.model.n_ctx, None, str(error)))
            return
        n_prompt = kept.is_far_too_long(team, job.question)
        if n_prompt is not None:
            self._wont_fit(job, team, n_prompt)
            return
        session = (self._kept.before if is_own else kept.session_before)(team, job.question)
        prompt = session.prompt(job.question.text)
        if not kept.fits(len(prompt), team):
            self._wont_fit(job, team, len(prompt))
            return
        sampling, limits = _sampling(job.options)
        opens, facts = _opens_reasoning(team, prompt), _facts(team)
        sources: Sources | None = None
        for event in self._answer(session, job, sampling, limits):
            match event:
                case Sources():
                    sources = event
                    sent = answering.sent(event, job.question.text)
                    self._kept.sent(team, job.question, session.prompt(sent))
                case Prompted():
                    self._say(Began(job.ticket, event, facts, opens))
                    if sources is not None:
                        self._say(Heard(job.ticket, sources))
                case _:
                    if is_own and isinstance(event, Finished):
                        self._kept.said(job.question, event)
                    self._say(Heard(job.ticket, event))

    def _ask_blend(self, blend: OpenBlend, job: Ask) -> None:
        if self._library is not None:
            raise BadOption(
                f"{blend.facts.name} is a blend, which reads no documents: /docs off, or /team to one of "
                "its members"
            )
        too_long = blend.too_long(job)
        if too_long is not None:
            self._say(too_long)
            return
        for said in blend.ask(job, *_sampling(job.options), self._stop_event):
            self._say(said)

    def _answer(
        self, session: Session, job: Ask, sampling: Sampling, limits: Limits
    ) -> Iterator[AnswerEvent]:
        """Side by side, nobody has documents."""
        text, stop_event = job.question.text, self._stop_event
        if self._library is None or job.who is not None:
            return session.ask(text, sampling, limits, stop_event=stop_event)
        return answering.ask(session, self._library, text, sampling, limits, stop_event=stop_event)

    def _use_docs(self, job: UseDocs) -> None:
        collection = open_collection(job.collection) if job.collection is not None else None
        if self._library is not None:
            self._library.collection.close()
        self._library = None
        if collection is None or job.collection is None:
            self._say(DocsUsed(None))
            return
        self._library = Library(collection, job.collection, strict=job.strict)
        n_documents = sum(each.status == "indexed" for each in collection.documents())
        self._say(DocsUsed(job.collection, job.strict, n_documents))

    def _wont_fit(self, job: Ask, team: OpenTeam, n_prompt: int) -> None:
        drop = kept.least_drop(team, job.question)
        self._say(WontFit(job.ticket, n_prompt, team.model.n_ctx, drop))

    def _decide(self, job: Decide) -> None:
        team = self._team()
        model = team.model
        if not isinstance(model, DeferralTeam):
            raise BadOption(f"{team.name}: no gate decides here: choose a deferral team (/team)")
        threshold = model.threshold if job.threshold is None else check_threshold(job.threshold)
        gate = self._gate(job.gate, model) if job.gate else model.gate
        model.gate, model.threshold = gate, threshold
        self._say(Ready(_facts(team)))

    def _look(self, job: Look) -> None:
        tokens = [*self._prompt_of(job.question), *job.answer[: job.at]]
        written = job.answer[job.at]
        opinions = tuple(
            opinion(self._reader(name), name, tokens, written) for name in self._team().members
        )
        self._say(Looked(job.ticket, job.at, opinions))

    def _preview(self, job: Preview) -> None:
        model = self._team().model
        if not isinstance(model, DeferralTeam):
            raise BadOption(f"{model.name}: no gate decides here: choose a deferral team (/team)")
        gate = self._gate(job.gate, model)
        along = p_defer_along(self._reader(BASE), gate, self._prompt_of(job.question), job.answer)
        self._say(Previewed(job.ticket, job.gate, along))

    def _show_prompt(self, job: ShowPrompt) -> None:
        base = self._team().base
        prompt = self._prompt_of(job.question)
        self._say(PromptShown(job.ticket, tuple((t, token_text(base, t)) for t in prompt)))

    def _let_go(self) -> None:
        self._others.clear()
        self._readers.clear()

    def _gate(self, name: str, model: DeferralTeam) -> Gate:
        if name == "head":
            if self._own_gate is None or self._own_gate.name != "head":
                raise BadOption(f"{model.name} has no trained head: give entropy, margin, ...")
            return self._own_gate
        return parse_gate(name, len(model.experts))

    def _team(self) -> OpenTeam:
        if self._open is None:
            raise BadOption("no team is open: choose one with /team")
        if isinstance(self._open, OpenBlend):
            raise self._open.refusal()
        return self._open

    def _other(self, who: str) -> OpenTeam:
        """Side by side: contexts of its own."""
        if who not in self._others:
            self._others[who] = self._contender(who)
        return self._others[who]

    def _contender(self, who: str) -> OpenTeam:
        if who != BASE_ALONE:
            other = self._open_by_name(who, lambda text: self._say(Loading(text)))
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
        return self._kept.prompt(self._team(), question)


def _facts(team: OpenTeam) -> TeamFacts:
    model = team.model
    decides = model if isinstance(model, DeferralTeam) else None
    return TeamFacts(
        name=team.name,
        members=tuple(team.members),
        n_ctx=model.n_ctx,
        gate=decides.gate.name if decides else None,
        threshold=decides.threshold if decides else None,
        takes_system=team.template is not None,
        head_sha256=team.head.sha256 if team.head else None,
        sha256s=tuple(verdict.sha256 for verdict in team.verdicts.values()),
        vocabulary=model.vocabulary.fingerprint,
    )


def _sampling(options: Options) -> tuple[Sampling, Limits]:
    """Raises `BadOption`."""
    changed = dict(options)
    known = {field.name for field in fields(Sampling)}
    sampling = replace(Sampling(), **{k: v for k, v in changed.items() if k in known})  # type: ignore[arg-type]
    max_tokens = changed.get("max_tokens")
    stop = changed.get("stop")
    return sampling, Limits(int(max_tokens) if max_tokens else None, (str(stop),) if stop else ())


def _opens_reasoning(team: OpenTeam, prompt: Sequence[int]) -> bool:
    tail = team.model.vocabulary.decode(list(prompt)[-8:])
    return tail.rstrip().endswith("<think>")
