"""Sources and checked sentences as lines of text for a terminal, with control characters made visible."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from localcollab.documents.answer.events import Checked, SentPassage, Sources, Way
from localcollab.terminal.visible_text import visible

if TYPE_CHECKING:
    from localcollab.documents.answer.citations import Claim

Quote = Callable[["Claim", Sequence[SentPassage]], str]
_WAYS: dict[Way, str] = {
    "prompt": "sent before the question",
    "quotes": "given to the team to quote from",
    "check": "compared with the answer",
}
_NOT_ASKED = "searched, no model was asked"


def source_lines(sources: Sources) -> Iterator[str]:
    """What was sent, one line per source."""
    if not sources.passages:
        yield f"{sources.collection}: no passage contains a word of the question: answered without"
        return
    count = len(sources.passages)
    left_out = f", {sources.n_left_out} more did not fit" if sources.n_left_out else ""
    fresh = f", {sources.freshness}" if sources.freshness else ""
    yield (
        f"{sources.collection}: {count} source{'' if count == 1 else 's'} "
        f"{_NOT_ASKED if sources.recited else _WAYS[sources.way]}{left_out}{fresh}"
    )
    for passage in sources.passages:
        yield f"[{passage.number}] {place(passage)}"


def claim_lines(checked: Checked, sources: Sources, quote: Quote | None = None) -> Iterator[str]:
    """The support of every sentence that states something. `quote`: default `quote_of`."""
    for name in checked.unnamed:
        yield (
            f"no document of {sources.collection} names {one_line(name)}: "
            "what the answer says about it has no source"
        )
    for left_out in checked.left_out:
        # The reason holds words of the documents, which a history does not store.
        why = f" {one_line(left_out.why)}" if quote is None else ""
        yield f"left out: “{one_line(left_out.text)}”{why}"
    stated = [claim for claim in checked.claims if claim.support is not None]
    if not stated or not sources.passages:
        return
    if all(claim.is_attributed or claim.is_computed for claim in stated):
        yield "the answer names no sources; the program looked for them:"
    for claim in stated:
        yield _claim_line(claim, (quote or quote_of)(claim, sources.passages))


def _claim_line(claim: "Claim", quote: str) -> str:
    marks = "".join(f"[{citation.number}]" for citation in claim.citations)
    if claim.is_computed:
        return f"supported {marks} (computed again) {one_line(claim.text)}"
    better = f" (but [{claim.better}] says it)" if claim.better else ""
    said = f"“{one_line(quote)}”" if quote else one_line(claim.text)
    beside = " (does not answer the question)" if claim.answers is False else ""
    return f"{claim.support} {marks}{' ' if marks else ''}{said}{better}{beside}"


def quote_of(claim: "Claim", passages: Sequence[SentPassage]) -> str:
    """The words of the best citation's source; empty if nothing was found."""
    found = quoted_span(claim, passages)
    return "" if found is None else found[0].text[found[1] : found[2]]


def quoted_span(
    claim: "Claim", passages: Sequence[SentPassage]
) -> tuple[SentPassage, int, int] | None:
    """The best citation's source, and the supporting span of its text."""
    for citation in claim.citations:
        if citation.quote is not None and citation.support == claim.support:
            return passages[citation.number - 1], *citation.quote
    return None


def place(passage: SentPassage) -> str:
    """File, page, heading and span of a source, in one line."""
    parts = [one_line(PurePath(passage.path).name)]
    parts += [f"page {passage.page}"] if passage.page is not None else []
    parts += [one_line(passage.heading)] if passage.heading else []
    return f"{', '.join(parts)} (characters {passage.start} to {passage.end})"


def one_line(text: str) -> str:
    """Any text of a document or file name as one visible line."""
    return visible(" ".join(text.split()))
