"""Makes a question fit the context: its oldest turns are left out or summarized, or it is too long.

Nothing is cut inside a turn, and what was left out is told with the answer.
"""

import threading
from bisect import bisect_left
from dataclasses import dataclass, replace

from localcollab.chat.template import Message
from localcollab.chat.transcript import Turn, without_reasoning
from localcollab.decoding.answer_text import Limits
from localcollab.errors import BadOption, ContextFull
from localcollab.events import Finished
from localcollab.history.resume import turns_of
from localcollab.teams.opened import OpenTeam
from localcollab.teams.session import Session, require_room
from localcollab_tui.engine.session_cache import session_before, turns_before
from localcollab_tui.messages import Ask, Loading, Question, Report, TooLong
from localcollab_tui.parameters import named_for_chat

_SUMMARIZE = (
    "Summarize our conversation so far in a few sentences: what was asked, what was answered, and the "
    "names and numbers that matter."
)
_SUMMARY_TOKENS = 160
_ROOM = 256
"""Tokens that stay free for the answer, or an eighth of a small context."""
_MANY, _SURELY = 40, 1.25
"""From this many messages on the size is estimated first; this many times n_ctx needs no exact count."""


_INEXACT = 16
"""Tokens by which a text's own count may differ from its ids in a conversation."""


@dataclass(frozen=True, slots=True)
class Fitted:
    question: Question
    notes: tuple[str, ...] = ()
    """What was done so that it fits, besides leaving turns out."""


@dataclass(frozen=True, slots=True)
class Fitting:
    """What making room takes besides the team."""

    report: Report
    stop_event: threading.Event

    def fit(self, job: Ask, team: OpenTeam, n_prompt: int | None) -> Fitted | TooLong:
        """`n_prompt`: exact, where it is known. `overflow` of /set chooses what happens to the oldest
        turns. Raises what rendering, encoding and summarizing raise."""
        question = job.question
        if n_prompt is None:
            n_prompt = n_tokens_of_text(team, question)
        if fits(n_prompt, team):
            return Fitted(question)
        way = dict(job.options).get("overflow", "drop")
        drop = None if way == "ask" else drop_with_room(team, question)
        if drop is None:
            least = least_drop(team, question)
            return TooLong(job.ticket, n_prompt, team.model.n_ctx, least)
        shorter = replace(question, drop=drop, summary="")
        return Fitted(shorter) if way == "drop" else self._compact(team, question, shorter)

    def fit_answer(self, job: Ask, team: OpenTeam, answer: Turn) -> Fitted:
        """With room behind `answer`, which goes on. Raises `BadOption` where there is none."""
        question, n_ctx = job.question, team.model.n_ctx
        n_answer = len(answer.tokens) or len(team.model.vocabulary.encode(answer.answer))
        n_tokens = n_tokens_of_text(team, question) + n_answer
        if fits(n_tokens, team):
            return Fitted(question)
        way = dict(job.options).get("overflow", "drop")
        drop = None if way == "ask" else _drop_before(team, question, n_answer)
        if drop is not None:
            shorter = replace(question, drop=drop, summary="")
            is_dropped = way == "drop"
            return (
                Fitted(shorter) if is_dropped else self._compact(team, question, shorter, n_answer)
            )
        if n_tokens < n_ctx - _INEXACT:
            return Fitted(question)
        if way == "ask" and n_turns(question) > question.drop:
            raise BadOption(
                f"the context of {n_ctx} tokens is full: /set overflow drop lets the answer go on "
                "without the oldest turns"
            )
        raise BadOption(
            f"the question and its answer fill the context of {n_ctx} tokens: ask for the rest in a new "
            "question, or open the chat with a larger --n-ctx"
        )

    def _compact(
        self, team: OpenTeam, question: Question, shorter: Question, n_answer: int = 0
    ) -> Fitted:
        """`shorter` with a summary of what it leaves out, where that fits."""
        summary, note = self._summarized(team, question, shorter.drop)
        compacted = replace(shorter, summary=summary)
        if fits(n_tokens_of_text(team, compacted) + n_answer, team):
            return Fitted(compacted, (note,))
        return Fitted(shorter, ("the summary did not fit, so nothing stands in their place",))

    def _summarized(self, team: OpenTeam, question: Question, drop: int) -> tuple[str, str]:
        """What the team itself writes about the turns that are left out, and a note that says so."""
        if team.template is None:
            return "", f"{team.name} has no chat template, so that no summary can be sent"
        turns = turns_before(team, question)[: drop - question.drop]
        self.report(Loading(f"the context is full: summarizing the oldest {drop} turns"))
        session = Session.restored(team, turns, system=question.system_sent or None)
        limits = Limits(min(_SUMMARY_TOKENS, team.model.n_ctx // 8))
        text = ""
        try:
            for event in session.ask(_SUMMARIZE, None, limits, stop_event=self.stop_event):
                if isinstance(event, Finished):
                    text = without_reasoning(event.text).strip()
        except ContextFull:
            return "", "the turns that were left out are too long to be summarized"
        return text, f"summary of the oldest {drop} turns by {team.name}: {text}" if text else ""


def alone_too_long(job: Ask, team: OpenTeam) -> TooLong | None:
    """Where the question alone fills the context."""
    try:
        require_room(team.model, job.question.text)
    except ContextFull as error:
        return TooLong(job.ticket, 0, team.model.n_ctx, None, named_for_chat(str(error)))
    return None


def most(team: OpenTeam) -> int:
    """Tokens of the longest prompt that leaves room for an answer."""
    n_ctx = team.model.n_ctx
    return n_ctx - min(_ROOM, n_ctx // 8)


def fits(n_prompt: int, team: OpenTeam) -> bool:
    return n_prompt <= most(team)


def n_tokens_of_text(team: OpenTeam, question: Question) -> int:
    """Size of the prompt, tokenized as one text: a few tokens off, as stored answers keep their ids."""
    session = Session(team, system=question.system_sent or None)
    for turn in turns_before(team, question):
        answer = Message("assistant", without_reasoning(turn.answer))
        session.messages += [Message("user", turn.question), answer]
    return len(session.prompt(question.text))


def estimate_if_far_too_long(team: OpenTeam, question: Question) -> int | None:
    """About how many tokens, where they certainly do not fit; else None. Much cheaper than a session."""
    if len(question.before) < _MANY:
        return None
    n_tokens = n_tokens_of_text(team, question)
    return n_tokens if n_tokens > _SURELY * team.model.n_ctx else None


def least_drop(team: OpenTeam, question: Question) -> int | None:
    """How many of the oldest turns to leave out so that it fits; None: the question alone is too long."""
    return _least_drop(team, question, most(team), n_turns(question))


def drop_with_room(team: OpenTeam, question: Question) -> int | None:
    """As `least_drop`, but so many that the next turns have room, too: a prompt with another beginning is
    read again from there. The newest turn stays where it can."""
    found = _least_drop(team, question, team.model.n_ctx // 2, n_turns(question) - 1)
    return found or least_drop(team, question)


def _drop_before(team: OpenTeam, question: Question, n_answer: int) -> int | None:
    """As `drop_with_room`, with an answer that goes on behind the question."""
    for n_tokens in (team.model.n_ctx // 2, most(team)):
        found = _least_drop(team, question, n_tokens - n_answer, n_turns(question))
        if found is not None:
            return found
    return None


def _least_drop(team: OpenTeam, question: Question, n_tokens: int, last: int) -> int | None:
    def size_of_text(drop: int) -> int:
        return n_tokens_of_text(team, replace(question, drop=drop))

    drops = range(question.drop + 1, last + 1)
    about = bisect_left(drops, True, key=lambda drop: size_of_text(drop) <= n_tokens)
    for drop in drops[max(0, about - 1) :]:
        shorter = replace(question, drop=drop)
        if len(session_before(team, shorter).prompt(question.text)) <= n_tokens:
            return drop
    return None


def n_turns(question: Question) -> int:
    return len(turns_of(question.before, question.ids, ""))
