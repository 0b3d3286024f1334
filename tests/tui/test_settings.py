"""chat.toml: the theme and the keys."""

from pathlib import Path

import pytest

from localcollab.errors import BadOption
from localcollab_tui.app import binding_names
from localcollab_tui.settings import Settings, key_problems, load_settings, save_theme


def test_settings_are_read_and_the_theme_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "chat.toml"
    assert load_settings(path) == Settings()
    path.write_text('prompt_cache_gb = 4\n[keys]\n"chat.search" = "ctrl+b"\n')
    save_theme(path, "nord")
    assert load_settings(path) == Settings("nord", {"chat.search": "ctrl+b"}, 4)


@pytest.mark.parametrize(
    "text",
    [
        "theme = 1",
        "colour = 'x'",
        "[keys]\na = 1",
        "theme =",
        "prompt_cache_gb = -1",
        "prompt_cache_gb = nan",
        "prompt_cache_gb = true",
        "theme = " + "9" * 5000,
        "theme = " + "[" * 5000,
    ],
    ids=lambda text: text[:20],
)
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
    known = binding_names()
    assert {"app.quit", "chat.search", "composer.send", "token.next", "sessions.pin"} <= known
    assert key_problems(keys, known) == [
        "[keys] 'chat.serch' is not a binding: did you mean 'chat.search'?",
        "[keys] chat.new: 'strg+x' is not a key: write keys like ctrl+r or f3",
        "[keys] composer.send: 'f99' is not a key: write keys like ctrl+r or f3",
    ]
