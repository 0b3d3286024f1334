"""Answers for the history's tests: tokens of two authors, and the events that a session yields."""

from collections import Counter
from collections.abc import Iterator

from localcollab.events import Event, Finished, Prompted, Token, Unfamiliar
from localcollab.history import History, Provenance

PROVENANCE = Provenance(
    team="medicine",
    head_sha256="ab" * 32,
    members={"base": "cd" * 32, "pharmacist": "ef" * 32},
    vocabulary="12" * 32,
    options={"temperature": 0.7, "stop": ["\n\n"], "gate": None},
    seed=7,
)


def tokens_of(text: str) -> list[Token]:
    """One token a word; every third by the expert, every fifth unsure, every seventh unasked."""
    return [
        Token(
            id=1000 + n,
            text=word + " ",
            author="base" if n % 3 else "pharmacist",
            probability=n % 10 / 10,
            p_defer=None if n % 7 == 0 else 0.25,
            unsure=n % 5 == 0,
        )
        for n, word in enumerate(text.split(" "))
    ]


def finished(tokens: list[Token]) -> Finished:
    return Finished(
        reason="end",
        text="".join(token.text for token in tokens),
        tokens=tuple(token.id for token in tokens),
        n_prompt=12,
        authors=dict(Counter(token.author for token in tokens)),
        seconds_prefill=0.5,
        seconds_decode=2.0,
    )


def events_of(text: str) -> Iterator[Event]:
    tokens = tokens_of(text)
    yield Prompted(12)
    yield from tokens
    yield Unfamiliar("pharmacist", "Zanthorex")
    yield finished(tokens)


def add_turn(history: History, conversation: str, question: str, answer: str) -> int:
    """The answer's id."""
    asked = history.add_question(conversation, question)
    return add_answer(history, asked.id, answer)


def add_answer(history: History, question: int, answer: str) -> int:
    with history.record_answer(question, PROVENANCE) as recorder:
        for event in events_of(answer):
            recorder.add(event)
    return recorder.message
