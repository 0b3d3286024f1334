"""Questions -> outcomes: a team as a user would ask it, or any model on prompts of token ids. Greedy."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.encoding import encode_start
from localcollab.decoding.generate import generate
from localcollab.decoding.sampling import Sampling
from localcollab.errors import BadOption
from localcollab.evaluation.expected import Choice
from localcollab.evaluation.likelihood import choose
from localcollab.evaluation.questions import Question
from localcollab.evaluation.scores import Outcome, scored
from localcollab.events import Event, Finished, Token, Unfamiliar, confidence
from localcollab.language_model import LanguageModel
from localcollab.teams.opened import OpenTeam
from localcollab.teams.session import Session, require_room
from localcollab.terminal.unsure_words import spans_of_unsure, unsure_words

Tick = Callable[[], None]


def ask_team(team: OpenTeam, questions: Sequence[Question], tick: Tick) -> list[Outcome]:
    """Each question in a new conversation, as a user would ask it; choices are compared by likelihood."""
    outcomes = []
    for question in questions:
        if question.choice is not None or question.is_plain:
            outcomes.append(ask_model(team.model, question, prompt_of(team, question)))
        else:
            started = time.perf_counter()
            # How many tokens are read at once changes a K-quant's numbers a little.
            alone = replace(team, speculation=None)
            events = Session(alone).ask(question.asked, limits=question.limits)
            outcomes.append(_outcome(question, events, started))
        tick()
    return outcomes


def prompt_of(team: OpenTeam, question: Question) -> list[int]:
    """The ids that the team is asked with; without the chat template where the question is continued.

    Raises `BadOption` where the text has no token in this vocabulary, and what rendering raises."""
    if not question.is_plain:
        return Session(team).prompt(question.asked)
    require_room(team.model, question.text)
    tokens = encode_start(team.model.vocabulary, question.text)
    if not tokens:
        raise BadOption(
            f"{team.name}: no token for any part of {question.text!r:.40}: leave it out"
        )
    return tokens


def ask_alone(
    model: LanguageModel, prompts: Sequence[tuple[Question, list[int]]], tick: Tick
) -> list[Outcome]:
    """Any model, on prompts of token ids."""
    outcomes = []
    for question, tokens in prompts:
        outcomes.append(ask_model(model, question, tokens))
        tick()
    return outcomes


def ask_model(
    model: LanguageModel,
    question: Question,
    prompt: Sequence[int],
    *,
    sampling: Sampling | None = None,
    limits: Limits | None = None,
) -> Outcome:
    """One answer, or one choice by likelihood. Raises what `generate` and `read` raise."""
    started = time.perf_counter()
    if question.choice is not None:
        return _chosen(model, question, question.choice, prompt, started)
    events = generate(model, prompt, sampling, limits or question.limits)
    return _outcome(question, events, started)


def _chosen(
    model: LanguageModel, question: Question, choice: Choice, prompt: Sequence[int], started: float
) -> Outcome:
    label, share = choose(model, prompt, choice)
    # A choice is no text that somebody wrote: one unit for the one model that was asked.
    authors = {model.name: 1}
    seconds = time.perf_counter() - started
    return Outcome(question, label, authors, seconds, confidence=share)


def _outcome(question: Question, events: Iterable[Event], started: float) -> Outcome:
    flagged, tokens = False, list[Token]()
    finished: Finished | None = None
    for event in events:
        if isinstance(event, Token):
            tokens.append(event)
        flagged |= isinstance(event, Unfamiliar)
        if isinstance(event, Finished):
            finished = event
    assert finished is not None, "every generation ends with Finished"
    seconds = time.perf_counter() - started
    flagged |= any(unsure_words(*spans_of_unsure(tokens)))
    found = Outcome(
        question, finished.text, finished.authors, seconds, flagged, confidence(tokens)
    )  # fmt: skip
    return scored(found)
