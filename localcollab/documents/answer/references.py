"""References to words of a document: what a chat's history stores in place of the words.

`«papers/12:30-66»` is a range of characters of the document that passage 12 belongs to, `«papers/12»`
is that passage's heading. `resolve` looks them up when a stored line is shown. A document that changed
gets new passages, so a reference is right or gone, never wrong.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from localcollab.documents.answer.events import Checked, SentPassage, Sources
from localcollab.documents.answer.format import claim_lines, one_line, quoted_span, source_lines
from localcollab.documents.records import ATTACHED
from localcollab.errors import LocalcollabError

if TYPE_CHECKING:
    from localcollab.documents.answer.citations import Claim
    from localcollab.documents.collection import Collection
    from localcollab.documents.records import Passage

_REFERENCE = re.compile(
    r"«(?P<collection>[\w.-]{1,64})/(?P<passage>\d{1,18})(?::(?P<start>\d{1,18})-(?P<end>\d{1,18}))?»",
    re.ASCII,
)


_OF_ATTACHED = "_attached"


def heading_at(collection: str, passage: int) -> str:
    return f"«{_label(collection)}/{passage}»"


def characters_at(collection: str, passage: int, start: int, end: int) -> str:
    return f"«{_label(collection)}/{passage}:{start}-{end}»"


def _label(collection: str) -> str:
    """No collection is named as attached files are; their words are there while they are attached."""
    return _OF_ATTACHED if collection == ATTACHED else collection


def stored_source_lines(sources: Sources) -> Iterator[str]:
    """`source_lines` for a history: references in the place of headings."""
    passages = (
        replace(passage, heading=heading_at(sources.collection, passage.ids[0]))
        if passage.heading
        else passage
        for passage in sources.passages
    )
    return source_lines(replace(sources, passages=tuple(passages)))


def stored_claim_lines(checked: Checked, sources: Sources) -> Iterator[str]:
    """`claim_lines` for a history: references in the place of quotes."""

    def reference_of(claim: "Claim", passages: Sequence[SentPassage]) -> str:
        found = quoted_span(claim, passages)
        if found is None:
            return ""
        passage, start, end = found
        first = passage.start
        return characters_at(sources.collection, passage.ids[0], first + start, first + end)

    return claim_lines(checked, sources, reference_of)


def resolve(line: str) -> str:
    """The line with its references replaced by the words; one that is gone is kept and marked so."""
    return _REFERENCE.sub(_words_at, line)


def _words_at(reference: re.Match[str]) -> str:
    # Imported here: most lines hold no reference, and a chat shows many lines when it starts.
    from localcollab.documents.collection import attached_passage, open_collection

    id_ = int(reference["passage"])
    try:
        if reference["collection"] == _OF_ATTACHED:
            return _words(reference, *attached_passage(id_))
        with open_collection(reference["collection"]) as collection:
            return _words(reference, collection, collection.passage(id_))
    except LocalcollabError:
        return f"{reference[0]}, no longer there,"


def _words(reference: re.Match[str], collection: "Collection", passage: "Passage") -> str:
    if reference["start"] is None:
        return one_line(passage.heading)
    text = "".join(each.text for each in collection.passages(passage.document))
    return one_line(text[int(reference["start"]) : int(reference["end"])])
