"""`%load_ext localcollab`: an answer as the value of a notebook's cell shows who wrote it.

Authors have colours and underlines; a token's probability and p_defer are its tooltip. Texts are escaped.
"""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any, Protocol

from localcollab.api.answers import Answer, SourcedAnswer
from localcollab.events import Token

_STYLES = (
    "", "color:#1f6fb5;text-decoration:underline", "color:#2b7a3d;text-decoration:underline dashed",
    "color:#a3541c;text-decoration:underline dotted", "color:#8239a5;text-decoration:underline double",
)  # fmt: skip
"""By author, the base first: readable on light and on dark."""
_UNSURE = "font-style:italic;background:rgba(190,100,20,.18)"


class Shell(Protocol):
    """What is needed of IPython's."""

    @property
    def display_formatter(self) -> Any: ...


def register(shell: Shell) -> None:
    """Answers are shown by `to_html` from now on."""
    html: Any = shell.display_formatter.formatters["text/html"]
    show: Callable[[Answer], str] = to_html
    html.for_type(Answer, show)
    html.for_type(SourcedAnswer, show)


def to_html(answer: Answer) -> str:
    """The text with its authors, a legend, and names to double-check."""
    authors = list(answer.authors)
    parts = [f'<div style="white-space:pre-wrap">{_words(answer.tokens, authors)}</div>']
    if len(authors) > 1:
        legend = (
            f'<span style="{_style(name, authors)}">{escape(name)}</span>' for name in authors
        )
        parts.append(f'<div style="opacity:.75">{" · ".join(legend)}</div>')
    for each in answer.unfamiliar:
        line = escape(f"double-check: {each.expert} does not know {each.name}")
        parts.append(f'<div style="opacity:.75">{line}</div>')
    return "".join(parts)


def _words(tokens: Sequence[Token], authors: list[str]) -> str:
    return "".join(_word(token, authors) for token in tokens if token.text)


def _word(token: Token, authors: list[str]) -> str:
    style = ";".join(filter(None, (_style(token.author, authors), _UNSURE * token.unsure)))
    told = f"{token.author}, {token.probability:.0%}"
    if token.p_defer is not None:
        told += f", p_defer {token.p_defer:.0%}"
    return f'<span title="{escape(told)}" style="{style}">{escape(token.text)}</span>'


def _style(author: str, authors: list[str]) -> str:
    n = authors.index(author) if author in authors else 0
    return _STYLES[min(n, len(_STYLES) - 1)]
