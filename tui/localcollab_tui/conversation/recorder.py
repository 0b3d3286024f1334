"""Stores answers while they are written, between the models' thread and the screen.

`report` runs in the models' thread, so that no key press waits for the disk.
"""

from dataclasses import dataclass

from localcollab.blend.events import Answered, Answering, CandidateToken, Chosen, Ranked
from localcollab.blend.format import lines
from localcollab.documents.answer.events import Checked, Sources
from localcollab.errors import LocalcollabError
from localcollab.history import History, Provenance, Recorder
from localcollab_tui.messages import (
    Began,
    Failed,
    Options,
    Report,
    Streamed,
    StreamedEvent,
    Update,
)


@dataclass(frozen=True, slots=True)
class Expected:
    """An answer that was asked for: its question, and the options."""

    question: int
    options: Options
    docs: str = ""
    """The collection that it is answered from."""
    goes_on: int | None = None
    """The answer that grows; None: a new one."""


class AnswerRecorder:
    def __init__(self, history: History, pass_on: Report) -> None:
        self._history, self._pass_on = history, pass_on
        self._expected: dict[int, Expected] = {}
        self._recorders: dict[int, Recorder] = {}
        self._sources: Sources | None = None

    def expect(self, ticket: int, expected: Expected) -> None:
        """Before the job is submitted."""
        self._expected[ticket] = expected

    def report(self, update: Update) -> None:
        """Raises `BadHistory`, which ends the answer and is shown."""
        match update:
            case Began(ticket=ticket) if ticket in self._expected:
                self._begin(update, self._expected[ticket])
            case Streamed(ticket=ticket, event=event) if ticket in self._recorders:
                self._add(self._recorders[ticket], event)
            case Failed(ticket=ticket, why=why, stored=stored) if ticket in self._expected:
                self._fail(ticket, why if stored is None else stored)
        self._pass_on(update)

    def _begin(self, began: Began, expected: Expected) -> None:
        if expected.goes_on is not None:
            n_kept = began.prompted.n_continued
            recorder = self._history.continue_answer(expected.goes_on, n_kept)
            recorder.note(f"/more went on after {n_kept} tokens")
        else:
            provenance = provenance_of(began, expected)
            recorder = self._history.record_answer(expected.question, provenance)
        for note in notes_of(began):
            recorder.note(note)
        self._recorders = {began.ticket: recorder}

    def _add(self, recorder: Recorder, event: StreamedEvent) -> None:
        """Sources, verdicts and candidates become notes of the answer, without text of documents."""
        # Imported with the first answer: the first frame needs no citations.
        from localcollab.documents.answer.references import stored_claim_lines, stored_source_lines

        if isinstance(event, Sources):
            self._sources = event
            for line in stored_source_lines(event):
                recorder.note(line)
        elif isinstance(event, Checked):
            assert self._sources is not None, "sources come before their verdicts"
            for line in stored_claim_lines(event, self._sources):
                recorder.note(line)
        elif isinstance(event, Answering | CandidateToken | Answered | Ranked | Chosen):
            for line in lines(event):
                recorder.note(line)
        else:
            recorder.add(event)

    def _fail(self, ticket: int, why: str) -> None:
        expected = self._expected[ticket]
        try:
            if expected.goes_on is not None:
                # What was written before must not be lost as a part of a failed answer.
                if ticket in self._recorders:
                    self._recorders[ticket].note(f"failed: {why}")
                    self._recorders[ticket].stop()
                return
            if ticket not in self._recorders:
                self._recorders[ticket] = self._history.record_answer(
                    expected.question, Provenance(options=dict(expected.options))
                )
            self._recorders[ticket].fail(why)
        except LocalcollabError:
            # The history itself failed: `why` says so, and the screen shows it.
            return


def notes_of(began: Began) -> list[str]:
    notes = []
    if began.dropped:
        turns = "turn was" if began.dropped == 1 else f"{began.dropped} turns were"
        how = "summarized" if began.summary else "left out"
        notes.append(f"the oldest {turns} {how}: the context is full")
    notes += filter(None, began.prompted.notes)
    if began.prompted.n_reread:
        notes.append(
            f"the chat template changed earlier turns: {began.prompted.n_reread} tokens read again"
        )
    return notes


def provenance_of(began: Began, expected: Expected) -> Provenance:
    facts = began.facts
    sha256s = facts.sha256s or ("",) * len(facts.members)
    options: dict[str, object] = {**dict(expected.options), **began.prompted.options}
    if facts.gate is not None:
        options |= {"gate": facts.gate, "threshold": facts.threshold}
    if began.dropped:
        options["dropped"] = began.dropped
    if began.summary:
        options["summary"] = began.summary
    if expected.docs:
        options["docs"] = expected.docs
    seed = options.get("seed", 0)
    return Provenance(
        team=facts.name,
        head_sha256=facts.head_sha256 if facts.gate == "head" else None,
        members=dict(zip(facts.members, sha256s, strict=True)),
        vocabulary=facts.vocabulary,
        options=options,
        seed=seed if isinstance(seed, int) else None,
    )
