"""An unexpected error as a text to copy into a bug report: where it happened, nothing of what was said.

It has no local variables and no exception messages: both may quote a conversation.
"""

import platform
import traceback
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from localcollab import __version__


def crash_report(error: BaseException) -> str:
    versions = f"localcollab {__version__}, textual {version('textual')}"
    lines = [f"{versions}, Python {platform.python_version()}, {platform.system()}"]
    for each in _chain(error):
        for frame in traceback.extract_tb(each.__traceback__):
            lines.append(f"{_short(frame.filename)}:{frame.lineno} in {frame.name}: {frame.line}")
        lines.append(f"{type(each).__module__}.{type(each).__qualname__}")
    return "\n".join(lines)


def page(report: str) -> str:
    return (
        "An unexpected error occurred. Nothing of your conversations is lost.\n"
        "This is a bug in localcollab: please report it with the text below, which has no text of "
        f"your conversations.\n\n{report}"
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """What led to `error` first. A failed worker of Textual holds its error as an attribute."""
    wrapped = getattr(error, "error", None)
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    for each in (before, wrapped):
        if isinstance(each, BaseException):
            yield from _chain(each)
    yield error


def _short(filename: str) -> str:
    """From the package on: the folders above it name the user."""
    parts = Path(filename).parts
    tops = ("site-packages", "localcollab", "localcollab_tui", "textual")
    at = max((len(parts) - 1 - parts[::-1].index(top) for top in tops if top in parts), default=-1)
    if at < 0:
        return parts[-1]
    return "/".join(parts[at + (parts[at] == "site-packages") :])
