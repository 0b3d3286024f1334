"""Integers and decimals within bounds, against brute force."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from gbnf_regex import to_regex
from localcollab.grammar.digits import decimals, integers

bounds = st.one_of(st.none(), st.integers(-1200, 1200))


@given(bounds, bounds)
def test_integers_are_those_within_the_bounds(low: int | None, high: int | None) -> None:
    expression = integers(low, high)
    matches = to_regex(expression).fullmatch if expression else lambda text: None
    for n in range(-1300, 1300):
        within = (low is None or n >= low) and (high is None or n <= high)
        assert bool(matches(str(n))) == within, n
    assert not matches("-0")
    assert not matches("007")


@given(st.integers(10**8, 10**12), st.integers(0, 10**6))
def test_long_integers_end_at_their_bounds(low: int, width: int) -> None:
    expression = integers(low, low + width)
    assert expression is not None
    matches = to_regex(expression).fullmatch
    assert matches(str(low))
    assert matches(str(low + width))
    assert not matches(str(low - 1))
    assert not matches(str(low + width + 1))


places = st.integers(-3000, 3000).map(lambda n: Decimal(n) / 1000)


@given(st.one_of(st.none(), places), st.one_of(st.none(), places), st.booleans(), st.booleans())
def test_decimals_never_leave_their_bounds(
    low: Decimal | None, high: Decimal | None, above: bool, below: bool
) -> None:
    expression = decimals(low, high, above=above, below=below)
    if expression is None:
        assert low is not None
        assert high is not None
        assert low > high or (low == high and (above or below))
        return
    matches = to_regex(expression).fullmatch
    for n in range(-4000, 4001, 7):
        for text in (f"{Decimal(n) / 1000:f}", f"{Decimal(n) / 1000:.6f}"):
            if matches(text):
                value = Decimal(text)
                assert low is None or value > low or (value == low and not above)
                assert high is None or value < high or (value == high and not below)


def test_decimals_within_bounds_are_allowed() -> None:
    expression = decimals(Decimal("0.25"), Decimal("12.5"))
    assert expression is not None
    matches = to_regex(expression).fullmatch
    for text in ("0.250000", "0.999999", "1", "1.5", "11.99", "12", "12.500000"):
        assert matches(text), text
