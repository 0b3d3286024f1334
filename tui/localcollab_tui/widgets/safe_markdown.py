"""Markdown of a model: HTML is shown as text, and links do not open."""

from markdown_it import MarkdownIt
from textual.widgets import Markdown


def _parser() -> MarkdownIt:
    # Without html, tags are shown as text instead of being dropped.
    return MarkdownIt("gfm-like", {"html": False, "linkify": False})


class SafeMarkdown(Markdown):
    DEFAULT_CSS = """
    SafeMarkdown {
        padding: 0;
        margin: 0;
        MarkdownFence { margin: 0 0 1 0; max-height: 1000; }
        MarkdownH1 { content-align: left middle; }
    }
    """

    def __init__(self, text: str = "", *, classes: str | None = None) -> None:
        super().__init__(text, classes=classes, parser_factory=_parser, open_links=False)
