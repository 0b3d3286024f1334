"""Passages know their page, and where in the whole document they stand."""

from localcollab.documents.ingest.split import LONGEST, split
from localcollab.documents.parsing.section import Section

SECTIONS = [
    Section("One. " * 300, page=1, heading="First"),
    Section("", page=2),
    Section("Two words. " * 200, page=3, heading="Third"),
]


def test_offsets_count_through_all_sections_and_no_passage_crosses_one() -> None:
    whole = "".join(section.text for section in SECTIONS)
    pieces = list(split(SECTIONS))
    assert "".join(piece.text for piece in pieces) == whole
    assert [whole[piece.start : piece.end] for piece in pieces] == [p.text for p in pieces]
    assert {(p.page, p.heading) for p in pieces} == {(1, "First"), (3, "Third")}
    assert max(len(piece.text) for piece in pieces) <= LONGEST
