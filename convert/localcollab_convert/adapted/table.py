"""Before and after: who answers the withheld questions, with and without the documents at hand."""

from collections.abc import Sequence

from localcollab.decoding.answer_text import Limits
from localcollab.documents.answer.answer import Library, ask
from localcollab.events import Finished
from localcollab.progress import Counted, OnProgress
from localcollab.teams.opened import OpenTeam
from localcollab.teams.session import Session
from localcollab_convert.study.material import Lesson, Subject, Withheld, rounds

BASE, BASE_READS = "base alone", "base + retrieval"
EXPERT, TEAM, TEAM_READS = "expert alone", "team", "team + retrieval"
ORACLE = "oracle"
"""Base or expert is right."""
_LIMITS = Limits(64)


def answered(
    base: OpenTeam, expert: OpenTeam, team: OpenTeam, library: Library,
    questions: Sequence[Withheld], on_progress: OnProgress,
) -> dict[str, list[bool]]:  # fmt: skip
    """By who: right or wrong, by question. Right: the answer holds what was asked for."""
    asked: tuple[tuple[str, OpenTeam, Library | None], ...] = (
        (BASE, base, None), (BASE_READS, base, library), (EXPERT, expert, None), (TEAM, team, None),
        (TEAM_READS, team, library),
    )  # fmt: skip
    found: dict[str, list[bool]] = {}
    for n, (who, model, documents) in enumerate(asked):
        rights = []
        for at, question in enumerate(questions):
            done = n * len(questions) + at
            on_progress(Counted("questions", done, len(asked) * len(questions), "answers", who))
            rights.append(holds(_answer(model, question.prompt, documents), question.gold))
        found[who] = rights
    found[ORACLE] = [one or other for one, other in zip(found[BASE], found[EXPERT], strict=True)]
    return found


def asked_again(old: Sequence[Subject], n: int, seed: int) -> list[Lesson]:
    """At most `n` questions about old texts."""
    (asked,) = rounds((), old, 1, seed)
    return [lesson for lesson in asked if lesson.kind == "question"][:n]


def count_right(team: OpenTeam, lessons: Sequence[Lesson], on_progress: OnProgress) -> int:
    """Questions whose answer holds what is asked for."""
    n_right = 0
    for n, lesson in enumerate(lessons):
        on_progress(Counted("old questions", n, len(lessons), "answers", team.name))
        n_right += holds(_answer(team, lesson.prompt, None), lesson.asked)
    return n_right


def holds(answer: str, gold: str) -> bool:
    """Whatever the case and the blanks."""
    return " ".join(gold.casefold().split()) in " ".join(answer.casefold().split())


def _answer(model: OpenTeam, prompt: str, documents: Library | None) -> str:
    session = Session(model)
    events = (
        session.ask(prompt, None, _LIMITS) if documents is None else ask(session, documents, prompt)
    )
    return next(event.text for event in events if isinstance(event, Finished))
