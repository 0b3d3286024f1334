"""The authors' colours: theme variables with enough contrast in light and dark themes."""

from collections.abc import Sequence

from textual.content import Content

from localcollab_tui.formatting.provenance import Span, legend, mark, number_of, spans

_COLOURS = (
    "$text-accent", "$text-success", "$text-secondary", "$text-warning", "$text-primary",
    "$text-error",
)  # fmt: skip


def colour(number: int) -> str:
    """The style of a member; the base has none."""
    return _COLOURS[(number - 1) % len(_COLOURS)] if number else ""


def painted(found: Sequence[Span], cursor: int | None) -> Content:
    """The provenance view."""
    parts = [Content.styled(span.text, _style(span, cursor)) for span in found if span.text]
    return Content("").join(parts)


def _style(span: Span, cursor: int | None) -> str:
    styles = [colour(span.number)]
    if span.unsure:
        styles.append("underline bold")
    if cursor is not None and span.token == cursor:
        styles.append("reverse")
    return " ".join(style for style in styles if style)


def painted_legend(members: Sequence[str]) -> Content:
    shown = [Content.styled(name, colour(number)) for number, name in legend(members)]
    unsure = Content.styled("unsure", "underline bold")
    return Content("  ").join([*shown, unsure])


def painted_author(author: str, members: Sequence[str]) -> Content:
    number = number_of(author, members)
    return Content.styled(f"{author}{mark(number)}", colour(number))


__all__ = ["colour", "painted", "painted_author", "painted_legend", "spans"]
