"""Asks somebody questions in a form, and keeps the answers in the journal.

Members stay open; a team is opened on the same weights, with contexts of its own, and closed after its
questions.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Protocol

from localcollab.blend.open import plan_member
from localcollab.catalog import TeamEntry, TrainedEntry
from localcollab.catalog.methods import SAMPLE_TEMPERATURE
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.evaluation.asking import ask_model, prompt_of
from localcollab.evaluation.questions import Question
from localcollab.llama.options import Options
from localcollab.progress import Counted, OnProgress
from localcollab.teams.file_settings import chat_template
from localcollab.teams.open import Files
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import plan_from_catalog
from localcollab.tuning.cast import Cast
from localcollab.tuning.contenders import HEAD, Contender
from localcollab.tuning.journal import Answer, Journal
from localcollab.tuning.prompts import Form


class Opener(Protocol):
    """Opens members and teams by name."""

    def member(self, name: str) -> OpenTeam: ...

    def team(self, contender: Contender) -> AbstractContextManager[OpenTeam]:
        """Raises `VocabularyMismatch` and what opening a team raises."""
        ...


class ModelFiles:
    """The opener of real models: their weights are loaded once."""

    def __init__(self, cast: Cast, options: Options, on_progress: OnProgress) -> None:
        self._cast, self._files = cast, Files(options, on_progress)
        self._members: dict[str, OpenTeam] = {}

    def member(self, name: str) -> OpenTeam:
        if name not in self._members:
            self._members[name] = self._files.beside().open(plan_member(self._cast.catalog, name))
        return self._members[name]

    def close(self) -> None:
        for team in self._members.values():
            for context in team.contexts:
                context.close()

    @contextmanager
    def team(self, contender: Contender) -> Iterator[OpenTeam]:
        files, catalog = self._files.beside(), self._cast.catalog
        if contender.head is not None:
            heads = {**catalog.heads, HEAD: TrainedEntry(HEAD, contender.head)}
            catalog = replace(catalog, heads=heads)
        entry = TeamEntry(contender.name, contender.method)
        try:
            yield files.open(plan_from_catalog(catalog, entry))
        finally:
            files.close()


class Asker:
    """Each answer is given once: what the journal holds is not asked again."""

    def __init__(self, questions: Sequence[Question], journal: Journal, seed: int) -> None:
        self.questions, self.journal, self.seed = questions, journal, seed

    def missing(self, who: str, form: Form, places: Iterable[int], sample: int = 0) -> list[int]:
        return [n for n in places if (who, form.name, sample, n) not in self.journal]

    def answers(self, who: str, form: Form, places: Iterable[int], sample: int = 0) -> list[Answer]:
        """Of questions that were asked."""
        return [self.journal[who, form.name, sample, n] for n in places]

    def ask(
        self,
        who: str,
        team: OpenTeam,
        form: Form,
        places: Sequence[int],
        tick: OnProgress,
        sample: int = 0,
    ) -> list[Answer]:
        """`sample` 0 is greedy. `tick` is told how far it is. Raises what asking raises."""
        asked = in_form(team, form)
        warm = Sampling(temperature=SAMPLE_TEMPERATURE, seed=self.seed + sample)
        todo = self.missing(who, form, places, sample)
        for done, n in enumerate(todo, 1):
            question = self.questions[n]
            limits = limits_of(question, form)
            found = ask_model(
                team.model, question, prompt_of(asked, question), limits=limits,
                sampling=warm if sample else None,
            )  # fmt: skip
            answer = Answer(
                found.text, found.score, found.right, found.seconds, dict(found.authors),
                found.confidence,
            )  # fmt: skip
            self.journal.add((who, form.name, sample, n), answer)
            tick(Counted(f"{who} ({form.name})", len(places) - len(todo) + done, len(places)))
        return self.answers(who, form, places, sample)


def in_form(team: OpenTeam, form: Form) -> OpenTeam:
    if form.template is None:
        return team
    return replace(team, template=chat_template(form.template, form.name, team.model.vocabulary))


def limits_of(question: Question, form: Form) -> Limits:
    limits = question.limits
    return limits if question.is_plain else replace(limits, stop=(*limits.stop, *form.stop))


def seconds_an_answer(answers: Mapping[str, Sequence[Answer]]) -> dict[str, float]:
    return {
        name: sum(answer.seconds for answer in found) / len(found)
        for name, found in answers.items()
        if found
    }
