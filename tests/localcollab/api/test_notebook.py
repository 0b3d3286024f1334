"""Answers in a notebook."""

import re

import pytest

import localcollab as lc
from localcollab.api.notebook import to_html


def answer(*tokens: lc.Token) -> lc.Answer:
    authors = {token.author: 1 for token in tokens}
    text = "".join(token.text for token in tokens)
    unfamiliar = (lc.Unfamiliar("expert", "<b>"),)
    return lc.Answer(text, tokens, authors, "end", 1, 0.1, 0.1, unfamiliar)


def test_each_token_tells_its_author() -> None:
    html = to_html(
        answer(
            lc.Token(1, "a ", "base", 0.5),
            lc.Token(2, "b", "expert", 0.25, p_defer=0.75, unsure=True),
        )
    )
    assert '<span title="base, 50%" style="">a </span>' in html
    assert 'title="expert, 25%, p_defer 75%"' in html
    assert html.count(">expert</span>") == 1


def test_texts_are_escaped() -> None:
    html = to_html(answer(lc.Token(1, '<img src="x">', 'a"b', 0.5)))
    assert re.findall(r"<(\w+)", html) == ["div", "span", "div"]
    assert "&lt;b&gt;" in html


def test_ipython_shows_answers_with_it() -> None:
    shells = pytest.importorskip("IPython.core.interactiveshell")
    shell = shells.InteractiveShell.instance()
    try:
        shell.extension_manager.load_extension("localcollab")
        shown, _ = shell.display_formatter.format(answer(lc.Token(1, "hello", "base", 0.5)))
        assert "hello</span>" in shown["text/html"]
    finally:
        shells.InteractiveShell.clear_instance()
        shell.history_manager.end_session()
