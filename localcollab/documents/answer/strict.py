"""What `strict` shows of an answer: its supported sentences, and why the others were left out.

Where none is left, the nearest sentence of the sources is offered instead.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from localcollab.documents.answer.citations import Claim
from localcollab.documents.answer.events import Checked, LeftOut, SentPassage, Sources
from localcollab.documents.answer.format import one_line, place
from localcollab.documents.answer.reasons import nearest, why_not
from localcollab.events import Token

_POINTS_BACK = re.compile(
    r"(?:he|she|it|they|this|that|these|those|its|his|her|their)\b", re.IGNORECASE
)
_POINTING = "refers to a sentence that was left out"


def parted(
    checked: Checked, sources: Sources
) -> tuple[tuple[tuple[int, int], ...], tuple[LeftOut, ...]]:
    """The spans of the answer that are shown, and what is left out of it with the reasons."""
    kept, left_out = list[tuple[int, int]](), list[LeftOut]()
    is_gap = False
    for claim in checked.claims:
        why = _why_left_out(claim, sources.passages, is_gap=is_gap)
        is_gap = bool(why) or (is_gap and claim.support is None)
        if why:
            left_out.append(LeftOut(claim.text, why))
        elif not is_gap:
            kept.append((claim.start, claim.end))
    return tuple(kept), tuple(left_out)


def tokens_in(spans: Sequence[tuple[int, int]], tokens: Sequence[Token]) -> list[Token]:
    """The tokens that end inside a span; between two spans that were apart stands a line break."""
    shown, start, last = list[Token](), 0, -1
    for token in tokens:
        end = start + len(token.text.rstrip() or token.text)
        inside = next((n for n, (a, b) in enumerate(spans) if a < end <= b), None)
        if inside is not None:
            is_new = inside != last and bool(shown) and spans[inside - 1][1] < start
            text = "\n" + token.text.lstrip() if is_new else token.text
            shown.append(replace(token, text=text if shown else text.lstrip()))
            last = inside
        start += len(token.text)
    return shown


def refusal(checked: Checked, sources: Sources, question: str) -> str:
    """Why the whole answer was refused, and the nearest passage instead; one line."""
    if checked.unnamed:
        return (
            f"refused: no document of {sources.collection} names {', '.join(checked.unnamed)}; "
            f"without `strict` the answer is shown and marked{_offer(question, sources)}"
        )
    bad = [c for c in checked.claims if c.support is not None and c.support != "supported"]
    if not bad:
        return f"the answer states nothing that a source could support{_offer(question, sources)}"
    n_stated = sum(claim.support is not None for claim in checked.claims)
    first = bad[0]
    return (
        f"refused: {len(bad)} of {n_stated} sentences not supported: “{one_line(first.text)}” "
        f"{one_line(why_not(first, sources.passages))}{_offer(f'{question} {first.text}', sources)}"
    )


def refused_in_short(checked: Checked, sources: Sources) -> str:
    """The refusal without words of the documents."""
    if checked.unnamed:
        return f"refused: no document of {sources.collection} names {', '.join(checked.unnamed)}"
    stated = [claim.support for claim in checked.claims if claim.support is not None]
    if not stated:
        return "refused: the answer states nothing that a source could support"
    return f"refused: {len(stated) - stated.count('supported')} of {len(stated)} sentences not supported"


def _why_left_out(claim: Claim, passages: Sequence[SentPassage], *, is_gap: bool) -> str:
    """Empty if it is shown."""
    if claim.support is None:
        return ""
    if claim.support != "supported":
        return why_not(claim, passages)
    return _POINTING if is_gap and _POINTS_BACK.match(claim.text) else ""


def _offer(text: str, sources: Sources) -> str:
    for passage in sources.passages:
        sentence = nearest(text, [passage])
        if sentence is not None:
            return f"; nearest passage: [{passage.number}] {place(passage)}: “{one_line(sentence)}”"
    return ""
