"""Writes a conversation where the user wants it: `.md` or `.json`, by the name of the file."""

import re
from pathlib import Path

from localcollab.errors import BadOption
from localcollab.history import Conversation, History
from localcollab.history.export import write_private


def export(history: History, conversation: Conversation, path: Path | None) -> Path:
    """Without a path, a Markdown file here that is named after the title. Raises `BadOption`."""
    path = (path or free_path(Path.cwd(), conversation.title)).expanduser()
    if path.suffix not in (".md", ".json"):
        raise BadOption(f"{path}: give a name that ends in .md or .json")
    to_text = history.export_json if path.suffix == ".json" else history.export_markdown
    write_private(path, to_text(conversation.id))
    return path.resolve()


def free_path(folder: Path, title: str) -> Path:
    """`a-title.md`, or `a-title-2.md` where that is taken."""
    name = re.sub(r"[^\w-]+", "-", title.lower()).strip("-")[:40] or "conversation"
    names = (f"{name}.md" if n == 1 else f"{name}-{n}.md" for n in range(1, 10_000))
    return next(folder / name for name in names if not (folder / name).exists())
