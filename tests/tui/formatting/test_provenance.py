"""Which model wrote which words, and what to double-check."""

from dataclasses import replace
from datetime import UTC, datetime

from localcollab.events import Retracted, Token, Unfamiliar
from localcollab.history.records import Outcome, StoredMessage
from localcollab_tui.formatting.provenance import (
    Place,
    double_check,
    next_place,
    shares,
    spans,
    sparkline,
    why_lines,
)
from localcollab_tui.formatting.threshold_preview import preview


def token(text: str, author: str = "base", *, unsure: bool = False) -> Token:
    return Token(1, text, author, 0.9, 0.5, unsure)


def test_runs_of_an_expert_stand_in_brackets_and_blanks_outside() -> None:
    tokens = [token("The"), token(" drug", "e"), token(" is", "e"), token(" ok")]
    shown = "".join(span.text for span in spans(tokens, ("base", "e")))
    assert shown == "The ‹drug is›¹ ok"


def test_a_nested_author_has_its_members_number() -> None:
    assert "".join(s.text for s in spans([token("x", "e/anti")], ("base", "e"))) == "‹x›¹"


def test_unsure_tokens_are_joined_to_whole_words() -> None:
    tokens = [token("take "), token("his", unsure=True), token("tarol", unsure=True), token(".")]
    assert double_check(tokens, ()) == [Place("histarol", "no member was confident", 1)]


def test_an_unfamiliar_name_points_at_its_token() -> None:
    tokens = [token("of"), token(" Zor"), token("bex")]
    doubt = Unfamiliar("e", "Zorbex")
    assert double_check(tokens, [doubt]) == [Place("Zorbex", "e does not know this name", 1)]


def test_why_tells_what_was_taken_back_and_what_to_double_check() -> None:
    notes = ("the oldest turn was left out", Retracted(2, "x 60", "says 60", "e").note)
    answer = StoredMessage(
        1, "c", None, "assistant", "complete", "of Zorbex", datetime.now(UTC), (1,),
        outcome=Outcome(notes=notes, unfamiliar=(Unfamiliar("e", "Zorbex"),)),
    )  # fmt: skip
    assert why_lines(answer, [token("of"), token(" Zorbex")]) == [
        "taken back, because it says 60 (2 tokens, by e): x 60",
        "double-check Zorbex: e does not know this name",
    ]
    assert why_lines(replace(answer, outcome=None), [])[0] == "nothing was taken back"


def test_jumping_goes_round() -> None:
    places = [Place("a", "", 3), Place("b", "", 7), Place("c", "", None)]
    assert [next_place(places, at, 1) for at in (0, 3, 7)] == [3, 7, 3]
    assert [next_place(places, at, -1) for at in (8, 7, 3)] == [7, 3, 7]
    assert next_place([], 0, 1) is None


def test_a_sparkline_keeps_peaks_and_shows_gaps() -> None:
    assert sparkline([0.0, 1.0, None, 0.5], 4) == "▁█ ▅"
    assert sparkline([0.0, 1.0, 0.0, 0.0], 2) == "█▁"


def test_shares_stand_in_the_order_of_the_members() -> None:
    assert shares({"e": 1, "base": 3}, ("base", "e")) == "base 75 % · e¹ 25 %"
    assert shares({"e": 1, "base": 3}, ("base", "e"), short=True) == "base 75 % · ¹ 25 %"


def test_a_preview_counts_what_is_above_the_threshold() -> None:
    shown = preview([0.1, 0.5, 0.6, None], 0.5, n_before=2)
    assert (shown.n_deferred, shown.n_known, shown.n_before) == (1, 3, 2)
