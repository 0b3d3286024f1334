"""The pure core: provenance, previews, reasoning, commands, settings."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcollab.errors import BadOption
from localcollab.events import Token, Unfamiliar
from localcollab_tui import commands
from localcollab_tui.app import ChatApp
from localcollab_tui.keys import known_ids, problems
from localcollab_tui.markup import code_blocks, is_too_much
from localcollab_tui.preview import preview
from localcollab_tui.provenance import Place, double_check, next_place, shares, spans, sparkline
from localcollab_tui.reasoning import Splitter, split
from localcollab_tui.settings import Settings, load_settings, save_theme


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
    assert double_check(tokens, ()) == [Place("histarol.", "nobody was confident", 1)]


def test_an_unfamiliar_name_points_at_its_token() -> None:
    tokens = [token("of"), token(" Zor"), token("bex")]
    doubt = Unfamiliar("e", "Zorbex")
    assert double_check(tokens, [doubt]) == [Place("Zorbex", "e does not know this name", 1)]


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


def test_commands_are_parsed_and_near_misses_named() -> None:
    assert commands.parse("a question") is None
    assert commands.parse("//etc") is None
    assert commands.parse("/set top_k 4") == commands.Line("set", "top_k 4")
    line = commands.parse("/tresholt 1")
    assert line is not None
    assert "did you mean /threshold?" in line.problem
    assert commands.parse_option("top_k x") == "/set top_k x: give a whole number, or default"
    assert commands.parse_option("top_k default") == ("top_k", None)


def test_every_command_has_its_method() -> None:
    from localcollab_tui.runner import Runner

    assert all(hasattr(Runner, f"_{command.name}") for command in commands.COMMANDS)


def test_completions_offer_values_too() -> None:
    assert [line for line, _ in commands.completions("/th")] == ["/threshold "]
    assert [line for line, _ in commands.completions("/team f", ("fake", "x"))] == ["/team fake"]


def test_code_blocks_are_found() -> None:
    assert code_blocks("a\n```py\nx = 1\n```\nb\n~~~\ny\n~~~") == "x = 1\n\ny"


def test_long_and_dense_texts_are_too_much_for_markdown() -> None:
    assert not is_too_much("# A title\n\n- one\n- two\n")
    assert is_too_much("*" * 1000)
    assert is_too_much("a" * 100_000)


def test_settings_are_read_and_the_theme_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "chat.toml"
    assert load_settings(path) == Settings()
    path.write_text('[keys]\n"chat.search" = "ctrl+b"\n')
    save_theme(path, "nord")
    assert load_settings(path) == Settings("nord", {"chat.search": "ctrl+b"})


@pytest.mark.parametrize("text", ["theme = 1", "colour = 'x'", "[keys]\na = 1", "theme ="])
def test_settings_that_cannot_be_used_are_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "chat.toml"
    path.write_text(text)
    with pytest.raises(BadOption, match=r"chat\.toml"):
        load_settings(path)


def test_keys_that_would_have_no_effect_are_named() -> None:
    keys = {
        "chat.search": "ctrl+b, f3,question_mark", "chat.new": "strg+x", "composer.send": "f99",
        "app.quit": "Q", "chat.serch": "ctrl+l", "threshold.up": "ctrl+slash",
    }  # fmt: skip
    known = known_ids(ChatApp)
    assert {"app.quit", "chat.search", "composer.send", "token.next", "sessions.pin"} <= known
    assert problems(keys, known) == [
        "[keys] 'chat.serch' is no binding: is 'chat.search' meant?",
        "[keys] chat.new: 'strg+x' is no key: write it as in ctrl+r or f3",
        "[keys] composer.send: 'f99' is no key: write it as in ctrl+r or f3",
    ]
