"""An answer as text: reasoning apart, code blocks found, too much for Markdown recognized."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from localcollab_tui.formatting.markdown_text import code_blocks, is_too_much
from localcollab_tui.formatting.reasoning import Splitter, split


def test_thoughts_are_split_from_the_answer() -> None:
    assert split("<think>\nhm\n</think>\nyes") == ("hm", "yes")
    assert split("hm\n</think>\nyes") == ("hm", "yes")
    assert split("a <think> in a line") == ("", "a <think> in a line")


@given(st.text(alphabet="<think>/ab\n"), st.lists(st.integers(0, 40)))
def test_how_a_text_is_cut_does_not_change_what_is_thought(text: str, cuts: list[int]) -> None:
    def parts(pieces: list[str]) -> tuple[str, str]:
        splitter = Splitter()
        found = [part for piece in pieces for part in splitter.feed(piece)] + splitter.flush()
        return (
            "".join(part.text for part in found if part.is_thought),
            "".join(part.text for part in found if not part.is_thought),
        )

    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[a:b] for a, b in pairwise(edges)]
    assert parts(pieces) == parts([text])


def test_code_blocks_are_found() -> None:
    assert code_blocks("a\n```py\nx = 1\n```\nb\n~~~\ny\n~~~") == "x = 1\n\ny"


def test_long_and_dense_texts_are_too_much_for_markdown() -> None:
    assert not is_too_much("# A title\n\n- one\n- two\n")
    assert is_too_much("*" * 1000)
    assert is_too_much("a" * 100_000)
