import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fakes import ScriptedModel
from localcollab.decoding.recent_rows import RecentRows

reads = st.lists(st.tuples(st.binary(min_size=1, max_size=6), st.integers(0, 6)), max_size=12)


@given(reads=reads)
def test_every_reading_is_what_the_model_says(reads: list[tuple[bytes, int]]) -> None:
    kept, plain = RecentRows(ScriptedModel(b"abcabc")), ScriptedModel(b"abcabc")
    for text, last in reads:
        last = min(last, len(text))
        expected = plain.read(list(text), last=last)
        np.testing.assert_array_equal(kept.read(list(text), last=last).logits, expected.logits)


def test_what_was_read_one_by_one_is_not_read_again_at_once() -> None:
    model = ScriptedModel(b"abcdef")
    kept = RecentRows(model)
    text = [1, *b"abc"]
    for n in range(1, 4):
        kept.read(text[:n])
    kept.read(text, last=4)
    assert model.reads == [(1, 1), (2, 1), (3, 1), (4, 1)]


def test_rows_after_a_rejected_token_are_read_again() -> None:
    model = ScriptedModel(b"abcdef")
    kept = RecentRows(model)
    for text in (b"ab", b"abx", b"abxy"):
        kept.read(list(text))
    kept.read(list(b"abcd"), last=3)
    assert model.reads[-1] == (4, 2)


def test_a_gap_between_reads_leaves_no_row_too_many() -> None:
    model = ScriptedModel(b"abcdef")
    kept = RecentRows(model)
    kept.read([1])
    kept.read([1, *b"abc"])
    kept.read([1, *b"abc"], last=3)
    assert model.reads == [(1, 1), (4, 1), (4, 3)]
