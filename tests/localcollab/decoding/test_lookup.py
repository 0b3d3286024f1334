from hypothesis import given
from hypothesis import strategies as st

from localcollab.decoding.lookup import LONGEST_MATCH, Lookup


def looked_up(text: str, *earlier: str) -> Lookup:
    lookup = Lookup([list(each.encode()) for each in earlier])
    lookup.extend(text.encode())
    return lookup


def run(lookup: Lookup, most: int) -> str:
    return bytes(lookup.expected_run(most)).decode()


def test_the_longest_earlier_copy_goes_on() -> None:
    lookup = looked_up("a cat sat. the cat ran. the cat ")
    assert (run(lookup, 4), lookup.n_matched) == ("ran.", 10)


def test_equally_long_copies_are_contested_and_the_commonest_goes_on() -> None:
    lookup = looked_up("xabcd1 yabcd2 zabcd2 qabcd")
    assert (run(lookup, 1), lookup.is_contested) == ("2", True)


def test_new_text_has_no_copy() -> None:
    lookup = looked_up("abcdefgh")
    assert (lookup.expected, run(lookup, 3)) == (None, "")


def test_a_right_token_lengthens_the_match() -> None:
    lookup = looked_up("one two three. one two")
    before = lookup.n_matched
    lookup.add(ord(" "))
    assert (lookup.n_matched - before, run(lookup, 5)) == (1, "three")


def test_a_wrong_token_begins_another_search() -> None:
    lookup = looked_up("one two three. four two thirty. one two th")
    lookup.add(ord("i"))
    assert run(lookup, 3) == "rty"


def test_earlier_texts_end_where_they_end() -> None:
    lookup = looked_up("say hello wor", "hello world", "else")
    assert (run(lookup, 9), lookup.is_of_earlier_text) == ("ld", True)


def test_no_copy_reaches_from_one_text_into_another() -> None:
    assert looked_up("lo wa", "hel", "lo wax").n_matched == 5
    assert looked_up("b", "a").expected is None


@given(text=st.text("ab", max_size=60), n=st.integers(0, 59))
def test_token_by_token_finds_what_all_at_once_would_not_miss(text: str, n: int) -> None:
    """Whatever is expected did follow the matched tokens before."""
    lookup = looked_up(text[:n])
    for token in text[n:].encode():
        lookup.add(token)
    expected = bytes(lookup.expected_run(1)).decode()
    if expected and lookup.n_matched < LONGEST_MATCH:
        assert text[len(text) - lookup.n_matched :] + expected in text
