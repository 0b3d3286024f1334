"""Study material: rounds of lessons, in each of which every statement of the documents comes once.

Raw text is recalled in its own form only, and a question only in wordings that were asked. So every
statement has questions of its own for everything in it, each round in another wording, and is its own
answer: what the expert says can be compared with the document word for word. Depends on texts and seed
alone.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from localcollab.documents.checking.detection import language_of
from localcollab.documents.checking.language import Language
from localcollab.documents.checking.languages.en import ENGLISH
from localcollab.errors import BadData
from localcollab_convert.study.questions import about, gap, plain, question
from localcollab_convert.study.spans import Span, spans
from localcollab_convert.study.statements import Statement, statements, tidied
from localcollab_convert.study.texts import Text

Kind = Literal["text", "question", "about", "complete"]

_EVERY = 5
"""Each so many rounds the raw text comes too."""
_MOST_CHARACTERS = 700
"""Of raw text in one piece."""
_MOST_READ = 50_000
"""Characters that tell the documents' language."""
_TRIES = 6
_ABOUT, _COMPLETE = 0.08, 0.06
"""Shares of the lessons."""
_LEAST_TELLING = 2
"""Telling words of a question: fewer fit many passages."""
_TELLING = re.compile(r"[^\W\d_]{5,}|\d+|[A-Z]\w+")
_WORDY_TITLE = re.compile(r"[^\W\d_]{3,}.*\s|[^\W\d_]{4,}$")


@dataclass(frozen=True, slots=True)
class Lesson:
    """A question and its answer; of raw text the answer alone."""

    kind: Kind
    prompt: str
    answer: str
    source: str
    """The file, and the heading in it."""
    asked: str = ""
    """What the question asks for, as it stands in the answer."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One statement and what can be asked about it."""

    statement: Statement
    spans: tuple[Span, ...]
    """Of the tidied statement."""
    title: str
    source: str
    language: Language

    @property
    def tidy(self) -> str:
        return tidied(self.statement.text)


def subjects(texts: Sequence[Text]) -> list[Subject]:
    """Each statement once. Raises `BadData` where there is none."""
    found: dict[str, Subject] = {}
    main = language_of(" ".join(text.whole for text in texts)[:_MOST_READ])
    for text in texts:
        for statement in statements(text.sentences):
            title = "" if statement.stands_alone else text.title
            if statement.stands_alone or _WORDY_TITLE.match(title):
                source = f"{text.source.name}: {text.title}"
                tidy = tidied(statement.text)
                asked, language = tuple(spans(tidy, main)), language_of(tidy, main)
                subject = Subject(statement, asked, title, source, language)
                found.setdefault(statement.text, subject)
    if not found:
        raise BadData(
            "the documents have no sentence of four words or more to ask about: add others"
        )
    return list(found.values())


def rounds(
    texts: Sequence[Text], known: Sequence[Subject], n_rounds: int, seed: int,
    withheld: frozenset[tuple[str, str]] = frozenset(),
) -> Iterator[list[Lesson]]:  # fmt: skip
    """`withheld`: pairs of a statement and a span of it that no question may ask for."""
    meant: dict[str, str] = {}
    for n in range(n_rounds):
        yield one_round(texts, known, n, seed, withheld, meant)


def one_round(
    texts: Sequence[Text], known: Sequence[Subject], n: int, seed: int,
    withheld: frozenset[tuple[str, str]], meant: dict[str, str],
) -> list[Lesson]:  # fmt: skip
    """Round `n`. `meant`: what was asked so far, and the answers; extended."""
    lessons = [_lesson(each, n, seed, withheld, meant) for each in known]
    if n % _EVERY == 0:
        lessons += raw(texts)
    random.Random(f"{seed}/{n}").shuffle(lessons)
    return lessons


def raw(texts: Sequence[Text]) -> list[Lesson]:
    """The sentences as they stand, in pieces."""
    lessons = []
    for text in texts:
        piece = ""
        for sentence in (*text.sentences, ""):
            if piece and (not sentence or len(piece) + len(sentence) > _MOST_CHARACTERS):
                lessons.append(Lesson("text", "", piece, f"{text.source.name}: {text.title}"))
                piece = ""
            piece = f"{piece} {sentence}".strip()
    return lessons


def _lesson(
    subject: Subject, n: int, seed: int, withheld: frozenset[tuple[str, str]], meant: dict[str, str]
) -> Lesson:
    """Raises nothing: a statement that cannot be asked about is completed."""
    said = subject.statement.text
    rng = random.Random(f"{seed}/{n}/{said}")
    allowed = [span for span in subject.spans if (said, span.text) not in withheld]
    draw = rng.random()
    for _ in range(_TRIES if allowed and draw > _COMPLETE else 0):
        # What a sentence begins with is what it is about: asked for twice as often.
        span = rng.choice((allowed[0], *allowed))
        is_about = draw < _COMPLETE + _ABOUT and subject.language is ENGLISH
        asked = (
            about(subject.tidy, span, rng)
            if is_about
            else question(subject.tidy, span, rng, subject.language)
        )
        if asked is None or (not is_about and len(_TELLING.findall(asked)) < _LEAST_TELLING):
            draw = 1.0
            continue
        prompt = f"{subject.title}: {asked}" if subject.title else asked
        # One question must not have two answers.
        if meant.setdefault(prompt.casefold(), said) == said:
            kind: Kind = "about" if is_about else "question"
            return Lesson(kind, prompt, said, subject.source, "" if is_about else span.text)
    words = subject.tidy.split()
    start = " ".join(words[: rng.randint(2, max(2, len(words) - 2))])
    opening = "Complete: " if subject.language is ENGLISH else ""
    return Lesson("complete", f"{opening}{start} ...", said, subject.source)


@dataclass(frozen=True, slots=True)
class Withheld:
    """A question that no lesson asks: neither its wording, nor what it asks for in its passage."""

    prompt: str
    gold: str
    statement: str
    source: str


def withhold(known: Sequence[Subject], most: int, seed: int) -> list[Withheld]:
    """At most one of a statement; of those with several things to ask for, never of the first."""
    rng = random.Random(f"{seed}/withheld")
    kept = list[Withheld]()
    for subject in rng.sample(list(known), len(known)):
        if len(kept) == most:
            break
        choices = list(subject.spans[1:])
        rng.shuffle(choices)
        for span in choices:
            asked = (plain if subject.language is ENGLISH else gap)(subject.tidy, span, rng)
            if asked is not None and len(_TELLING.findall(asked)) > _LEAST_TELLING:
                prompt = f"{subject.title}: {asked}" if subject.title else asked
                kept.append(Withheld(prompt, span.text, subject.statement.text, subject.source))
                break
    return kept
