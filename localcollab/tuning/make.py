"""Measures members and teams on two halves of some questions: the first chooses, the second is quoted.

Chosen on the first half: the form in which each member is asked, and the best team. On the second half
the team is compared with every member.
"""

import hashlib
import json
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from localcollab import __version__
from localcollab.blend.candidates import NO_CONFIDENCE
from localcollab.blend.open import plan_member
from localcollab.blend.rankers import final_answer
from localcollab.catalog.evidence import CurvePoint
from localcollab.catalog.methods import Deferral
from localcollab.catalog.reading import data_dir
from localcollab.errors import BadOption, EvaluationFailed, VocabularyMismatch
from localcollab.evaluation.data import read_questions
from localcollab.evaluation.questions import Question, some_of, with_gold
from localcollab.progress import OnProgress
from localcollab.teams.identity import member_sha256, probe_member
from localcollab.tuning.asking import Asker, ModelFiles, Opener, seconds_an_answer
from localcollab.tuning.cast import Cast, cast_of, is_deferral
from localcollab.tuning.contenders import Contender, contenders, self_consistency, with_head
from localcollab.tuning.entries import Winner, check_free, write_winner
from localcollab.tuning.journal import Answer, Journal
from localcollab.tuning.prompts import Form, can_be_shown, forms_for
from localcollab.tuning.request import TuneRequest
from localcollab.tuning.result import Measured, TuneResult, measured
from localcollab.tuning.training import TrainHead, in_folder
from localcollab.tuning.verdict import judge, together

_LEAST_QUESTIONS = 10
_N_SHOTS = 4
_N_TIMED = 3
"""Questions that each member answers before the time is told."""


OnNote = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Split:
    """Places of questions."""

    shots: tuple[int, ...]
    """Examples in prompts; they are asked of nobody."""
    choose: tuple[int, ...]
    quote: tuple[int, ...]


def tune(request: TuneRequest, on_progress: OnProgress, on_note: OnNote) -> TuneResult:
    """Raises `BadData`, `BadOption`, `BadCatalog`, and what opening and asking raise."""
    cast = cast_of(request.choice)
    questions = _questions(request, on_note)
    if request.writes:
        check_free(request.name, request.out)
    folder = _folder(request, cast, questions, on_progress)
    journal = Journal(folder)
    files = ModelFiles(cast, request.options, on_progress)
    train = in_folder(folder / "head", request, cast, on_progress)
    try:
        tuning = Tuning(request, cast, questions, files, journal, train, on_progress, on_note)
        return tuning.run()
    finally:
        files.close()
        journal.close()


def _questions(request: TuneRequest, on_note: OnNote) -> list[Question]:
    everything = _read(request) if request.data else _made(request, on_note)
    questions = some_of(with_gold(everything), request.limit, request.seed)
    if len(questions) < _LEAST_QUESTIONS:
        raise BadOption(
            f"{len(questions)} questions can be used: give {_LEAST_QUESTIONS} or more (`data`, `limit`)"
        )
    return questions


def _read(request: TuneRequest) -> list[Question]:
    return [
        question
        for path in request.data
        for question in read_questions(path, measure=request.measure, runs_code=request.runs_code)
    ]


def _made(request: TuneRequest, on_note: OnNote) -> list[Question]:
    # Imported here: few have no questions.
    from localcollab.tuning import from_documents as made

    if request.docs is None:
        from localcollab.history.store import default_path, open_history

        with open_history(default_path()) as history:
            found = made.questions_of_history(history, seed=request.seed)
        on_note(made.MEANING_OF_HISTORY)
        return found

    from localcollab.documents.collection import open_collection

    with open_collection(request.docs) as opened:
        found = made.questions_of(opened, seed=request.seed)
    on_note(made.MEANING)
    return found


def _folder(
    request: TuneRequest, cast: Cast, questions: Sequence[Question], on_progress: OnProgress
) -> Path:
    """By everything that decides an answer."""
    sha256s = [
        member_sha256(
            plan_member(cast.catalog, name), lambda member: probe_member(member, on_progress)
        )
        for name in cast.members
    ]
    team = repr(cast.team and cast.team.method)
    key = (__version__, cast.members, sha256s, team, [repr(q) for q in questions], request.seed)
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
    return (request.work or data_dir() / "tune") / digest


def split_of(questions: Sequence[Question], seed: int) -> Split:
    """A few to show, half of the others to choose by, half to quote."""
    order = list(range(len(questions)))
    random.Random(seed).shuffle(order)
    shown = [n for n in order if can_be_shown(questions[n])]
    shots = tuple(shown[: min(_N_SHOTS, len(questions) // 8)])
    rest = tuple(n for n in order if n not in shots)
    half = len(rest) // 2
    return Split(shots, rest[:half], rest[half:])


@dataclass(frozen=True, slots=True)
class Single:
    """A member in a form."""

    name: str
    form: Form


class Tuning:
    """One run. `opener` gives the models."""

    def __init__(
        self,
        request: TuneRequest,
        cast: Cast,
        questions: Sequence[Question],
        opener: Opener,
        journal: Journal,
        train: TrainHead,
        on_progress: OnProgress,
        on_note: OnNote,
        split: Split | None = None,
    ) -> None:
        """`split`: None: halves, at random."""
        self.request, self.cast, self.questions = request, cast, questions
        self.split = split or split_of(questions, request.seed)
        self._opener, self._train, self._show, self._note = opener, train, on_progress, on_note
        self._asker, self._journal = Asker(questions, journal, request.seed), journal
        self.forms = forms_for(questions, [questions[n] for n in self.split.shots])
        self.chosen: dict[str, Form] = {}
        """By member: the form that answered best."""
        self.best: Single | None = None
        """The member that answered best on the half that is quoted, in its form."""
        self.winner: Contender | None = None
        """The team that answered best."""

    def run(self) -> TuneResult:
        choose, quote = self.split.choose, self.split.quote
        self._tell_time()
        singles = [
            (single, measured(single.name, single.form.name, self.alone(single, choose)))
            for name in self.cast.members
            for single in (Single(name, form) for form in self._forms_of(name))
        ]
        for name in self.cast.members:
            mine = [pair for pair in singles if pair[0].name == name]
            self.chosen[name] = max(mine, key=lambda pair: pair[1].merit)[0].form
        foremost = max(singles, key=lambda pair: pair[1].merit)[0].name
        teams = self._teams(foremost, choose)
        quoted = {name: self.alone(Single(name, form), quote) for name, form in self.chosen.items()}
        rights = {name: [a.right for a in answers] for name, answers in quoted.items()}
        members = {
            name: measured(name, self.chosen[name].name, answers)
            for name, answers in quoted.items()
        }
        first = sorted(members, key=lambda name: name != foremost)
        best = max(first, key=lambda name: members[name].accuracy)
        self.best = Single(best, self.chosen[best])
        result = TuneResult(
            n_choose=len(choose), n_quote=len(quote), n_shown=len(self.split.shots),
            singles=[found for _, found in singles], teams=[found for found, _ in teams],
            best=members[best], members=list(members.values()), together=together(rights),
        )  # fmt: skip
        if not teams:
            return self._kept(result, best, None)
        found, contender = max(teams, key=lambda pair: pair[0].accuracy)
        self.winner = contender
        answers = self.of_team(contender, quote)
        in_order = {name: rights[name] for name in first}
        verdict = judge([a.right for a in answers], in_order, self.request.worth)
        winner = measured(contender.name, found.form, answers, contender.kind)
        curve = _curve(teams, contender)
        result = replace(result, winner=winner, verdict=verdict, curve=curve)
        return self._kept(result, best, contender)

    def _forms_of(self, name: str) -> Sequence[Form]:
        """A team among the members is asked as it is: no entry of a catalogue gives it another form."""
        return self.forms if name in self.cast.catalog.models else self.forms[:1]

    def _kept(self, result: TuneResult, best: str, contender: Contender | None) -> TuneResult:
        if not self.request.writes:
            return result
        winner = Winner(
            self.request.name, self.cast, self.chosen, best, contender, result,
            _sha256(self.questions),
        )  # fmt: skip
        return replace(result, written=write_winner(winner, self.request.out))

    def _tell_time(self) -> None:
        """After a few questions, which count; what an earlier run left is not asked again."""
        choose, form = self.split.choose, self.forms[0]
        n_kept = len(self._journal)
        first = {
            name: self.alone(Single(name, form), choose[:_N_TIMED]) for name in self.cast.members
        }
        each = seconds_an_answer(first)
        every, most = sum(each.values()), max(each.values())
        n_teams = sum(c.kind == "tokens" for c in contenders(self.cast))
        n_teams += 2 if n_teams and self.request.trains and is_deferral(self.cast.team) else 0
        n_samples = self.request.n_samples if self._has_texts else 0
        seconds = len(choose) * (
            every * len(self.forms) + every * n_teams + most * n_samples
        ) + len(self.split.quote) * (2 * every + most * n_samples)
        n_members, n_forms = len(self.cast.members), len(self.forms)
        n_answers = len(choose) * (n_members * n_forms + n_teams + n_samples)
        n_answers += len(self.split.quote) * (n_members + 1 + n_samples)
        seconds *= max(0.0, 1 - n_kept / n_answers)
        kept = f"answers are kept ({n_kept} so far)" if n_kept else "answers are kept"
        self._note(
            f"{len(self.questions)} questions ({len(self.split.shots)} shown as examples, {len(choose)} "
            f"to choose by, {len(self.split.quote)} to quote), {len(self.cast.members)} members in "
            f"{len(self.forms)} forms, {n_teams} teams: at most about {_time(seconds)}; {kept}, "
            "so it can be stopped and started again"
        )

    @cached_property
    def _has_texts(self) -> bool:
        return any(question.choice is None for question in self.questions)

    def alone(self, single: Single, places: Sequence[int]) -> list[Answer]:
        """Answers to these questions; asks those that were not asked yet."""
        if not self._asker.missing(single.name, single.form, places):
            return self._asker.answers(single.name, single.form, places)
        team = self._opener.member(single.name)
        return self._asker.ask(single.name, team, single.form, places, self._show)

    def _teams(self, best: str, places: Sequence[int]) -> list[tuple[Measured, Contender]]:
        offers = [*contenders(self.cast), *self._trained(places)]
        if self.request.n_samples > 1 and self._has_texts:
            offers.append(self_consistency(best, self.request.n_samples))
        found, left_out = list[tuple[Measured, Contender]](), dict[str, list[str]]()
        for contender in offers:
            try:
                answers = self.of_team(contender, places)
            except VocabularyMismatch as error:
                left_out.setdefault(str(error), []).append(contender.name)
                continue
            form = self._form_of(contender).name
            found.append((measured(contender.name, form, answers, contender.kind), contender))
        for reason, names in left_out.items():
            self._note(f"left out ({', '.join(names)}): {reason}")
        return found

    def _trained(self, places: Sequence[int]) -> list[Contender]:
        """By a head that learned these questions; none where that is not possible, with a note."""
        cast = self.cast
        if not self.request.trains or len(cast.members) < 2 or not is_deferral(cast.team):
            return []
        try:
            asked = [self.questions[n] for n in places]
            head = self._train(asked, self.chosen[cast.members[0]])
        except EvaluationFailed as error:
            self._note(f"left out (trained head, trained mixture): {error}")
            return []
        return list(with_head(cast, head))

    def _form_of(self, contender: Contender) -> Form:
        """A team is asked as its first member is."""
        return self.chosen[contender.method.places[0].name]

    def of_team(self, contender: Contender, places: Sequence[int]) -> list[Answer]:
        """As `alone`. Raises `VocabularyMismatch`."""
        if contender.kind == "answers":
            return self._surest(places)
        form = self._form_of(contender)
        if contender.kind == "samples":
            return self._voted(contender.method.places[0].name, form, places)
        if not self._asker.missing(contender.name, form, places):
            return self._asker.answers(contender.name, form, places)
        with self._opener.team(contender) as team:
            return self._asker.ask(contender.name, team, form, places, self._show)

    def _surest(self, places: Sequence[int]) -> list[Answer]:
        """For each question the answer that its author finds most probable; of equals the first."""
        by_member = [self.alone(Single(name, form), places) for name, form in self.chosen.items()]
        return [_surest_of(answers) for answers in zip(*by_member, strict=True)]

    def _voted(self, member: str, form: Form, places: Sequence[int]) -> list[Answer]:
        """For each question the answer that most samples give; of equals the first."""
        samples = [self.alone(Single(member, form), places)]
        texts = [n for n in places if self.questions[n].choice is None]
        for sample in range(1, self.request.n_samples):
            if self._asker.missing(member, form, texts, sample):
                team = self._opener.member(member)
                self._asker.ask(member, team, form, texts, self._show, sample)
        for sample in range(1, self.request.n_samples):
            given = dict(zip(texts, self._asker.answers(member, form, texts, sample), strict=True))
            samples.append([given.get(n, samples[0][at]) for at, n in enumerate(places)])
        return [_voted_of(answers) for answers in zip(*samples, strict=True)]


def _curve(
    teams: Sequence[tuple[Measured, Contender]], winner: Contender
) -> tuple[CurvePoint, ...]:
    """Of the thresholds that were tried with the winner's gate."""
    points = list[CurvePoint]()
    for found, contender in teams:
        method = contender.method
        if not isinstance(winner.method, Deferral) or not isinstance(method, Deferral):
            continue
        is_same = replace(winner.method, threshold=method.threshold) == method
        if is_same and method.threshold is not None and found.rate is not None:
            points.append(
                CurvePoint(method.threshold, found.rate, found.accuracy, found.ms_per_token)
            )
    return tuple(sorted(points))


def _surest_of(answers: Sequence[Answer]) -> Answer:
    def sureness(answer: Answer) -> float:
        return NO_CONFIDENCE if answer.confidence is None else answer.confidence

    return _paid(max(answers, key=sureness), answers)


def _voted_of(answers: Sequence[Answer]) -> Answer:
    finals = [final_answer(answer.text) for answer in answers]
    return _paid(answers[max(range(len(finals)), key=lambda n: finals.count(finals[n]))], answers)


def _paid(chosen: Answer, answers: Sequence[Answer]) -> Answer:
    """The chosen one, at the cost of all."""
    return replace(chosen, seconds=math.fsum(answer.seconds for answer in answers))


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _sha256(questions: Sequence[Question]) -> str:
    return hashlib.sha256(json.dumps([repr(q) for q in questions]).encode()).hexdigest()
