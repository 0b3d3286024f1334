"""Figures as text: of an answer while it is written, under it, and of a branch."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from localcollab.events import Finished, Progress, Token
from localcollab.history.records import Outcome, StoredMessage
from localcollab.progress import left_text
from localcollab_tui.formatting.provenance import shares
from localcollab_tui.messages import DocsInUse

REASONS = {
    "max_tokens": "cut at max_tokens: /more goes on",
    "context": "cut: the context is full: /more makes room",
    "stopped": "stopped: /more goes on",
    "repetition": "the answer repeated itself: /more goes on",
    "stop_string": "stopped at a stop string",
}


@dataclass(frozen=True, slots=True)
class Figures:
    """Of an answer that is being written. Times in seconds, on the caller's clock."""

    n_prompt: int = 0
    n_read: int = 0
    n_written: int = 0
    seconds_left: float | None = None
    """Of reading the prompt, where it takes long."""
    began: float = 0.0
    first: float = 0.0
    latest: float = 0.0
    authors: dict[str, int] = field(default_factory=dict)

    def after(
        self, event: Progress | Token, now: float, seconds_left: float | None = None
    ) -> "Figures":
        if isinstance(event, Progress):
            return replace(self, n_read=event.done, seconds_left=seconds_left)
        self.authors[event.author] = self.authors.get(event.author, 0) + 1
        return replace(
            self, n_read=self.n_prompt, n_written=self.n_written + 1,
            first=self.first or now, latest=now,
        )  # fmt: skip

    @property
    def tokens_per_second(self) -> float:
        """Without the first token, which waits for the prompt."""
        seconds = self.latest - self.first
        return (self.n_written - 1) / seconds if seconds > 0 and self.n_written > 1 else 0.0

    def line(self, n_ctx: int, members: tuple[str, ...], *, short: bool = False) -> str:
        if not self.n_written:
            read = 100 * self.n_read // self.n_prompt if self.n_prompt else 0
            left = "" if self.seconds_left is None else f", {left_text(self.seconds_left)}"
            return f"reading the prompt: {read} % of {self.n_prompt} tokens{left}"
        speed = f"{self.tokens_per_second:.0f} tok/s" if self.tokens_per_second else "… tok/s"
        used = context_used(self.n_prompt + self.n_written, n_ctx)
        return " · ".join([speed, used, shares(self.authors, members, short=short)])


def context_used(n_tokens: int, n_ctx: int) -> str:
    """`n_ctx` 0: not known."""
    return f"context {n_tokens}/{n_ctx}" if n_ctx else f"context {n_tokens}"


def figures_line(outcome: Outcome, members: tuple[str, ...]) -> str:
    """The line under a finished answer."""
    parts = []
    if outcome.reason in REASONS:
        parts.append(REASONS[outcome.reason])
    if outcome.error:
        parts.append(f"failed: {outcome.error}")
    if outcome.n_tokens:
        parts.append(f"{outcome.n_tokens} tokens")
        speed = outcome.tokens_per_second
        parts.append(f"{speed:.0f} tok/s" if speed else "")
        parts.append(f"prompt of {outcome.n_prompt} in {outcome.seconds_prefill:.1f} s")
    if len(outcome.authors) > 1 or len(members) > 1:
        parts.append(shares(outcome.authors, members))
    return " · ".join(part for part in parts if part)


def docs_line(docs: DocsInUse) -> str:
    """For /docs."""
    if docs.collection is None:
        from localcollab.documents.collection import collection_names

        names = ", ".join(collection_names()) or "none yet (localcollab docs add PATH creates one)"
        return f"no documents in use; /docs NAME uses one of: {names}"
    strict = "; only supported answers are shown" if docs.strict else ""
    count = f"{docs.n_documents} document{'' if docs.n_documents == 1 else 's'}"
    return f"answers come from {docs.collection}: {count}{strict}"


def outcome_of(finished: Finished) -> Outcome:
    return Outcome(
        reason=finished.reason,
        n_prompt=finished.n_prompt,
        n_tokens=len(finished.tokens),
        authors=dict(finished.authors),
        seconds_prefill=finished.seconds_prefill,
        seconds_decode=finished.seconds_decode,
        n_repeated=finished.n_repeated,
        proposed={source: each.proposed for source, each in finished.drafted.items()},
        accepted={source: each.accepted for source, each in finished.drafted.items()},
    )


def conversation_stats(branch: Sequence[StoredMessage]) -> list[str]:
    """Figures of the shown branch, for /stats."""
    outcomes = [m.outcome for m in branch if m.outcome is not None]
    authors: Counter[str] = Counter()
    for outcome in outcomes:
        authors.update(outcome.authors)
    n_tokens = sum(outcome.n_tokens for outcome in outcomes)
    n_folded = sum(outcome.n_repeated for outcome in outcomes)
    seconds = sum(outcome.seconds_decode for outcome in outcomes)
    last = outcomes[-1] if outcomes else Outcome()
    lines = [
        f"questions          {sum(m.role == 'user' for m in branch)}",
        f"answers            {len(outcomes)}",
        f"tokens written     {n_tokens}",
        f"tokens per second  {(n_tokens + n_folded) / seconds if seconds else 0:.1f}",
        f"prompt seconds     {sum(outcome.seconds_prefill for outcome in outcomes):.1f}",
        f"context used       {last.n_prompt + last.n_tokens}",
        f"unfamiliar names   {sum(len(outcome.unfamiliar) for outcome in outcomes)}",
    ]
    answers = [m for m in branch if m.provenance is not None]
    if answers and answers[-1].provenance is not None:
        lines.append(f"last answer with   {_options_line(answers[-1].provenance.options)}")
    lines += _speculation_lines(outcomes)
    total = sum(authors.values())
    lines += [
        f"by {name:<15} {n} ({round(100 * n / total)} %)" for name, n in authors.most_common()
    ]
    return lines


def _speculation_lines(outcomes: Sequence[Outcome]) -> list[str]:
    """How many of the tokens that each source proposed were written."""
    proposed: Counter[str] = Counter()
    accepted: Counter[str] = Counter()
    for outcome in outcomes:
        proposed.update(outcome.proposed)
        accepted.update(outcome.accepted)
    return [
        f"{f'accepted, {source}':<18} {accepted[source]} of {n} proposed tokens"
        for source, n in proposed.most_common()
    ]


def _options_line(options: Mapping[str, object]) -> str:
    """`temperature 0.3, min_p 0.1, seed 0`; a summary stands under its answer already."""
    shown = {name: value for name, value in options.items() if name != "summary"}
    return ", ".join(f"{name} {value}" for name, value in shown.items())
