"""Study material: rounds of lessons, in each of which every statement of the documents comes once.

Raw text is recalled in its own form only, and a question only in wordings that were asked. So every
statement has questions of its own for everything in it, each round in another wording, and is its own
answer: what the expert says can be compared with the document word for word. Much of such an answer
could be copied from the question, so that little is learned of what was asked for: some questions give
few words of the statement, and some are answered by what they ask for alone, which they say.
Depends on texts and seed alone.
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

Kind = Literal["text", "question", "short", "about", "complete"]

RAW_EVERY = 4
"""Each so many rounds the raw text comes too."""
_MOST_CHARACTERS = 700
"""Of raw text in one piece."""
_MOST_READ = 50_000
"""Characters that tell the documents' language."""
_TRIES, _TRIES_A_SPAN = 16, 8
_COMPLETE, _ABOUT, _SHORT = 0.06, 0.08, 0.4
"""Shares of the lessons."""
_SHORTLY = ("In short: {}", "Briefly: {}", "{} (In a few words.)", "{} Answer shortly.")
_LEAST_TELLING = 2
"""Telling words of a question: fewer fit many passages."""
_TELLING = re.compile(r"[^\W\d_]{5,}|\d+|[A-Z]\w+")
_DESCRIBES = re.compile(r"\s(?!\w+(?:ed|s)\b)[a-zà-öø-ÿ]{4,}")
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
    if n % RAW_EVERY == 0:
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
    lesson = _question(subject, allowed, rng, meant) if allowed else None
    if lesson is not None:
        meant[lesson.prompt.casefold()] = lesson.answer
        return lesson
    words = subject.tidy.split()
    start = " ".join(words[: rng.randint(2, max(2, len(words) - 2))])
    opening = "Complete: " if subject.language is ENGLISH else ""
    return Lesson("complete", f"{opening}{start} ...", said, subject.source)


def _question(
    subject: Subject, allowed: Sequence[Span], rng: random.Random, meant: dict[str, str]
) -> Lesson | None:
    """In a wording that was not asked before, if one of some tries is new; None: completed instead."""
    kind = _draw_kind(rng, subject.language)
    weights = [_weight(span, subject.tidy, allowed) for span in allowed]
    again: Lesson | None = None
    for n in range(0 if kind == "complete" else _TRIES):
        if n % _TRIES_A_SPAN == 0:
            (span,) = rng.choices(allowed, weights)
        lesson = _asked(subject, span, kind, rng)
        if lesson is None:
            kind = "short" if kind == "short" else "question"
            continue
        # One question must not have two answers.
        known = meant.get(lesson.prompt.casefold())
        if known is None:
            return lesson
        again = lesson if known == lesson.answer else again
    return again


def _draw_kind(rng: random.Random, language: Language) -> Kind:
    """The forms of "about" and "short" are English."""
    draw = rng.random()
    if draw < _COMPLETE:
        return "complete"
    if language is not ENGLISH or draw > _COMPLETE + _ABOUT + _SHORT:
        return "question"
    return "about" if draw < _COMPLETE + _ABOUT else "short"


def _asked(subject: Subject, span: Span, kind: Kind, rng: random.Random) -> Lesson | None:
    """None where the drawn wording does not fit."""
    tidy, said = subject.tidy, subject.statement.text
    if kind == "about":
        asked = about(tidy, span, rng)
    else:
        asked = question(tidy, span, rng, subject.language)
    if asked is None or (kind != "about" and len(_TELLING.findall(asked)) < _LEAST_TELLING):
        return None
    prompt = f"{subject.title}: {asked}" if subject.title else asked
    if kind == "short":
        prompt = rng.choice(_SHORTLY).format(prompt)
        return Lesson(kind, prompt, span.text, subject.source, span.text)
    return Lesson(kind, prompt, said, subject.source, "" if kind == "about" else span.text)


def _weight(span: Span, sentence: str, allowed: Sequence[Span]) -> float:
    """How often a span is asked for: most often what the sentence is about, which its first name or a
    title in quotation marks tells; seldom a name that only describes another word ("Filipino singer")."""
    if span.kind in ("number", "date"):
        return 0.5
    if _DESCRIBES.match(sentence[span.end :]) and span.kind == "name":
        return 0.3
    if span.kind == "quote":
        return 2.0
    return 3.0 if span == allowed[0] else 1.0


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
        choices = [span for span in subject.spans[1:] if span.kind != "thing"]
        rng.shuffle(choices)
        for span in choices:
            asked = (plain if subject.language is ENGLISH else gap)(subject.tidy, span, rng)
            if asked is not None and len(_TELLING.findall(asked)) > _LEAST_TELLING:
                prompt = f"{subject.title}: {asked}" if subject.title else asked
                kept.append(Withheld(prompt, span.text, subject.statement.text, subject.source))
                break
    return kept
