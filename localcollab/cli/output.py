"""How the command line shows the events of an answer: painted for a person, or as JSON lines.

The text goes to standard output; notes and progress go to standard error.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from localcollab.blend.events import Answered, Answering, BlendEvent, CandidateToken, Chosen, Ranked
from localcollab.blend.format import lines
from localcollab.documents.answer.events import AnswerEvent, Checked, Sources
from localcollab.documents.answer.format import claim_lines, source_lines
from localcollab.events import Finished, Progress, Prompted, Retracted, Token, Unfamiliar
from localcollab.progress import Counted
from localcollab.terminal.painter import Painter, supports_colour
from localcollab.terminal.status import Status
from localcollab.terminal.streams import writing_output
from localcollab.terminal.visible_text import escaped, visible

if TYPE_CHECKING:
    from localcollab.evaluation.explain import Explained


_REMEDIES = {
    "max_tokens": "--max-tokens allows more",
    "context": "a larger --n-ctx holds more",
    "repetition": "another --temperature, --dry-multiplier or wording may help",
}


class AnswerOutput:
    """Shows one answer, event by event. `marks` None: on a terminal only."""

    def __init__(
        self,
        authors: Sequence[str],
        status: Status,
        *,
        marks: bool | None,
        as_json: bool,
        goes_back: bool = False,
    ) -> None:
        """`goes_back`: tokens may be taken back. Who reads a pipe gets them when all is written."""
        is_terminal = sys.stdout.isatty()
        self._held: list[Token] | None = [] if goes_back and not is_terminal else None
        self._status, self._as_json = status, as_json
        self._sources: Sources | None = None
        self._painter = Painter(
            sys.stdout,
            authors,
            colour=is_terminal and supports_colour(),
            marks=is_terminal if marks is None else marks,
        )

    def show(self, event: AnswerEvent | BlendEvent) -> None:
        if self._as_json:
            write_line(event)
        elif isinstance(event, Answering | CandidateToken | Answered | Ranked | Chosen):
            self._show_candidate(event)
        else:
            self._show_answer(event)

    def release(self) -> None:
        """Write what was held back; also of an answer that ends early."""
        held, self._held = self._held or [], None
        for token in held:
            self._painter.write(token)

    def _show_candidate(self, event: BlendEvent) -> None:
        for line in lines(event):
            self._status.note(line)
        if isinstance(event, Answering):
            n, model = event.n_candidates, event.model
            self._status.show(f"candidate {event.candidate} of {n}: {model} is answering")

    def _show_answer(self, event: AnswerEvent) -> None:
        status, painter = self._status, self._painter
        match event:
            case Sources():
                self._sources = event
                for line in source_lines(event):
                    status.note(line)
            case Prompted(n_reread=n) if n:
                status.note(f"the chat template changed earlier turns: {n} tokens are read again")
            case Progress(done, total):
                status.show(Counted("reading the prompt", done, total, "tokens"))
            case Token() if self._held is not None:
                self._held.append(event)
            case Token():
                status.clear()
                painter.write(event)
            case Retracted():
                if self._held is None:
                    painter.take_back(event)
                else:
                    del self._held[len(self._held) - event.n_tokens :]
                status.note(event.line)
            case Unfamiliar():
                painter.add_unfamiliar(event)
            case Checked() if self._sources is not None:
                painter.close()
                for line in claim_lines(event, self._sources):
                    status.note(line)
            case Finished():
                status.clear()
                self.release()
                painter.close()
                for line in painter.summary(event, _REMEDIES):
                    status.note(line)
                if event.confidence_line:
                    status.note(visible(event.confidence_line))


def write_line(event: "AnswerEvent | BlendEvent | Explained") -> None:
    """One event as a line of JSON in UTF-8, whatever the locale.

    Lone surrogates (of a file name) and the characters that a terminal obeys become escapes.
    """
    record = {"event": type(event).__name__.lower(), **asdict(event)}
    line = escaped(json.dumps(record, ensure_ascii=False))
    with writing_output():
        sys.stdout.buffer.write(line.encode() + b"\n")
        sys.stdout.buffer.flush()
