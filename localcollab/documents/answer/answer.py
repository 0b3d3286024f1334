"""Answers a question from a collection: finds and sends passages, then checks every sentence.

Passages are sent in two ways. In the *prompt*, before the question, for models that can use context.
As *quotes* (`quoting`), for small experts never trained with sources in a prompt: the expert trained on
documents, or the whole team if there is none, copies from the passages while it writes.

Text of documents is data. It reaches the model as the content of the question, each line after a mark;
names of special tokens in it are plain text (`chat`), and no option is read from it.
"""

import threading
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import PurePath

from localcollab.chat.template import Message
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.decoding.second_thoughts import Doubts
from localcollab.documents.answer.citations import (
    Citable,
    check_answer,
    is_supported,
    with_citations,
)
from localcollab.documents.answer.doubts import with_passages
from localcollab.documents.answer.events import AnswerEvent, Checked, SentPassage, Sources, Way
from localcollab.documents.answer.excerpts import Rarity
from localcollab.documents.answer.few_words import in_few_words, in_short, is_small
from localcollab.documents.answer.prompts import TASK, numbered, quoted, short
from localcollab.documents.answer.quoting import Quotes, Quoting
from localcollab.documents.answer.reciting import recited
from localcollab.documents.answer.rewording import answering, spoken_for
from localcollab.documents.answer.sources import choose_sources
from localcollab.documents.answer.strict import parted, refusal, refused_in_short, tokens_in
from localcollab.documents.collection import Collection
from localcollab.errors import NotSupported
from localcollab.events import Event, Finished, Retracted, Token
from localcollab.language_model import LanguageModel
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.familiarity import names_taken_over
from localcollab.teams.opened import OpenTeam
from localcollab.teams.session import Session

N_PASSAGES = 6
_MOST_QUOTED = 4096
"""Tokens of passages to copy from; they take no space in the context."""
_ROOM = 256
"""Tokens reserved for the answer; a quarter of the context if that is less."""


@dataclass(frozen=True, slots=True)
class Library:
    """The documents that questions are answered from, and how."""

    collection: Collection
    name: str
    way: Way | None = None
    """None: quotes if an expert of the team was trained on documents, else prompt: to a small model the
    best sentences alone, which `prompt` by name sends as whole passages."""
    strict: bool = False
    """Show supported sentences only, and no answer without one."""
    n_passages: int = N_PASSAGES


def ask(
    session: Session,
    library: Library,
    question: str,
    sampling: Sampling | None = None,
    limits: Limits | None = None,
    *,
    stop_event: threading.Event | None = None,
    takes_back: bool = False,
) -> Iterator[AnswerEvent]:
    """`Sources`, then what `Session.ask` yields, with `Checked` before `Finished`; `takes_back` as there.

    Raises `NotSupported` if `strict` refuses the answer, and what searching and asking raise.
    """
    sources = find_sources(session, library, question)
    yield sources
    if library.strict and not sources.passages:
        raise NotSupported(
            f"no passage of {library.name} contains a word of the question: rephrase it, or ask "
            "without `strict`"
        )
    asked = _ask(session, sources, question, sampling, limits, stop_event, takes_back)
    before, held = list(session.messages), list[Token]()
    for event in asked:
        if isinstance(event, Token) and library.strict:
            held.append(event)
        elif isinstance(event, Retracted) and library.strict:
            del held[len(held) - event.n_tokens :]
        elif isinstance(event, Finished):
            checked = replace(
                answering(
                    check(event.text, sources.passages, question),
                    sources.passages,
                    question,
                    library.collection.rarity,
                ),
                unnamed=unnamed(library.collection, question, event.text),
            )
            if library.strict:
                checked, event, held = _strictly(
                    checked, event, held, sources, question, library.collection.rarity, session
                )
                if not checked.is_supported or (checked.unnamed and checked.left_out):
                    session.messages = before
                    raise NotSupported(
                        refusal(checked, sources, question), refused_in_short(checked, sources)
                    )
                if checked.left_out:
                    shown = Message("assistant", event.text)
                    session.messages = [*session.messages[:-1], shown]
            yield from held
            yield checked
            yield event
        else:
            yield event


def find_sources(session: Session, library: Library, question: str) -> Sources:
    """The passages for a question, as many as fit the rest of the context."""
    way = library.way or ("quotes" if session.team.spellers else "prompt")
    collection, vocabulary = library.collection, session.team.model.vocabulary
    budget = _MOST_QUOTED
    if way == "prompt":
        n_ctx = session.team.model.n_ctx
        used = len(session.prompt(numbered((), question)))
        budget = n_ctx - used - min(_ROOM, n_ctx // 4)
    marks = 16 + len(vocabulary.encode(TASK)) // 8

    def count(text: str) -> int:
        return len(vocabulary.encode(quoted(text))) + marks

    hits = collection.search(question, library.n_passages)
    passages, n_left_out = choose_sources(hits, budget, count, collection.neighbours)
    fresh = collection.freshness() if collection.path is not None else None
    found = Sources(library.name, way, passages, n_left_out, freshness=str(fresh or ""))
    if library.way is None and way == "prompt" and passages and is_small(session.team):
        return in_short(found, session.team, collection, question)
    return found


def _ask(
    session: Session,
    sources: Sources,
    question: str,
    sampling: Sampling | None,
    limits: Limits | None,
    stop_event: threading.Event | None,
    takes_back: bool,
) -> Iterator[Event]:
    text, asked = sent(sources, question), session
    if sources.way == "quotes" and sources.passages:
        asked = _standing_in(session, with_quotes(session.team, _quotes(session, sources)))
    elif sources.excerpt:
        # Every word is copied: there is nothing to doubt.
        n_prompt, takes_back = len(session.prompt(text)), False
        model, limits = in_few_words(session.team.model, sources, n_prompt, limits or Limits())
        asked = _standing_in(
            session, replace(session.team, model=model, draft=None, speculation=None)
        )

    def doubting(doubts: Doubts) -> Doubts:
        return _with_passages(doubts, session, sources, question) if sources.passages else doubts

    events = asked.ask(
        question, sampling, limits, stop_event=stop_event, sent=text, takes_back=takes_back,
        doubting=doubting,
    )  # fmt: skip
    for event in events:
        session.messages = asked.messages
        yield event


def _standing_in(session: Session, team: OpenTeam) -> Session:
    """A copy of the session that asks another team, and leads the same conversation."""
    standing_in = copy(session)
    standing_in.team = team
    return standing_in


def _quotes(session: Session, sources: Sources) -> Quotes:
    return Quotes([passage.text for passage in sources.passages], session.team.model.vocabulary)


def _with_passages(doubts: Doubts, session: Session, sources: Sources, question: str) -> Doubts:
    quotes, is_quoting = _quotes(session, sources), sources.way == "quotes"
    quoting = None if is_quoting else with_quotes(session.team, quotes).model
    texts = [passage.text for passage in sources.passages]
    headings = [f"{each.heading}\n{PurePath(each.path).stem}" for each in sources.passages]
    return with_passages(doubts, texts, headings, question, quotes, quoting)


def sent(sources: Sources, question: str) -> str:
    """The question with its sources before it; the best source last, next to the question. The question
    alone where no model is asked."""
    if sources.way != "prompt" or sources.recited or not sources.passages:
        return question
    if sources.excerpt:
        return short(sources.excerpt, question)
    return numbered(sources.passages[::-1], question)


def with_quotes(team: OpenTeam, quotes: Quotes) -> OpenTeam:
    """The team with quoting experts: those trained on documents; without one, the whole team."""
    model = team.model
    if not isinstance(model, DeferralTeam):
        return replace(team, model=Quoting(model, quotes))
    learned = set(team.spellers) or {expert.name for expert in model.experts}
    experts = [_quoting(expert, quotes, learned) for expert in model.experts]
    quoting = DeferralTeam(
        model.name,
        model.base,
        experts,
        model.gate,
        threshold=model.threshold,
        compose=model.compose,
    )
    return replace(team, model=quoting)


def _quoting(expert: LanguageModel, quotes: Quotes, learned: set[str]) -> LanguageModel:
    return Quoting(expert, quotes) if expert.name in learned else expert


def check(answer: str, passages: Sequence[SentPassage], question: str = "") -> Checked:
    """The checked answer. A file's name counts as a heading of all its text."""
    citable = [
        Citable(passage.text, f"{passage.heading}\n{PurePath(passage.path).stem}")
        for passage in passages
    ]
    claims = check_answer(answer, citable, question)
    return Checked(claims, with_citations(answer, claims), is_supported(claims))


def unnamed(collection: Collection, question: str, answer: str) -> tuple[str, ...]:
    """Names in both question and answer that no document contains.

    The first word of a question may be capitalized without being a name, so the answer must repeat it.
    """
    first = question.split(maxsplit=1)[0] if question.strip() else ""
    names = (
        name
        for name in names_taken_over(question, answer)
        if name in answer or not first.startswith(name)
    )
    return tuple(name for name in names if not collection.holds(name))


def _strictly(
    checked: Checked,
    end: Finished,
    held: list[Token],
    sources: Sources,
    question: str,
    rarity: Rarity,
    session: Session,
) -> tuple[Checked, Finished, list[Token]]:
    """The answer without what is not supported, or the sentence that it was made from; if there is
    neither, as it is."""
    spans, left_out = parted(checked, sources)
    if checked.is_supported and not left_out:
        return checked, end, held
    shown = tokens_in(spans, held)
    if not shown and (source := spoken_for(checked, sources.passages, question, rarity)):
        shown = recited(source.text, session.team.model.vocabulary)
    text = "".join(token.text for token in shown).rstrip()
    again = check(text, sources.passages, question)
    if not again.is_supported:
        return replace(checked, is_supported=False), end, held
    again = replace(again, unnamed=checked.unnamed, left_out=left_out)
    return again, replace(end, text=text, tokens=tuple(token.id for token in shown)), shown
