"""Which passages go to a model, and what is joined: what fits, in the order of the document."""

from collections.abc import Sequence
from pathlib import Path

from localcollab.documents.answer.sources import choose_sources
from localcollab.documents.records import Document, Hit, Passage


def passage(id_: int, n: int, *, document: int = 1, heading: str = "", page: int = 1) -> Passage:
    file = Document(document, Path(f"/{document}.txt"), "text", "", 1, "indexed", "", 9)
    return Passage(id_, file, n, page, heading, 10 * n, 10 * n + 10, f"part {id_:04} ")


def packed(
    hits: Sequence[Passage], budget: int, near: Sequence[Passage] = ()
) -> tuple[list[str], int]:
    found, n_left_out = choose_sources(
        [Hit(p, 1.0 / rank) for rank, p in enumerate(hits, 1)], budget, lambda text: len(text),
        lambda p: [other for other in near if abs(other.n - p.n) == 1],
    )  # fmt: skip
    assert [p.number for p in found] == list(range(1, len(found) + 1))
    return [p.text for p in found], n_left_out


def test_what_does_not_fit_is_counted() -> None:
    hits = [passage(n, 3 * n) for n in (3, 1, 2)]
    assert packed(hits, 25) == (["part 0003 ", "part 0001 "], 1)


def test_neighbours_are_joined_in_the_order_of_the_document() -> None:
    assert packed([passage(2, 2), passage(9, 9), passage(1, 1)], 100) == (
        ["part 0001 part 0002 ", "part 0009 "], 0,
    )  # fmt: skip


def test_room_that_is_left_is_filled_with_neighbours_of_the_same_section() -> None:
    near = [passage(1, 1), passage(3, 3, heading="Other")]
    assert packed([passage(2, 2)], 40, near) == (["part 0001 part 0002 "], 0)
    assert packed([passage(2, 2)], 15, near) == (["part 0002 "], 0)


def test_no_source_crosses_a_heading_or_a_document() -> None:
    hits = [passage(1, 1), passage(2, 2, heading="Other"), passage(3, 2, document=2)]
    assert packed(hits, 100)[0] == ["part 0001 ", "part 0002 ", "part 0003 "]
