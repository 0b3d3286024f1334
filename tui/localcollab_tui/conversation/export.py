"""Writes the conversation to a file: `.md` or `.json`, by its name."""

import os
import re
from pathlib import Path

from localcollab.errors import BadOption
from localcollab.history.export import write_private
from localcollab_tui.conversation.dialogue import Dialogue


def export(dialogue: Dialogue, path: Path | None) -> Path:
    """None: a Markdown file in the working directory, named after the title. Raises `BadOption`."""
    conversation, history = dialogue.conversation, dialogue.history
    if conversation is None:
        raise BadOption("there is nothing to export yet: ask a question first")
    path = Path(os.path.expanduser(path or free_path(Path.cwd(), conversation.title)))
    if path.suffix not in (".md", ".json"):
        raise BadOption(f"{path}: the file name must end in .md or .json")
    to_text = history.export_json if path.suffix == ".json" else history.export_markdown
    write_private(path, to_text(conversation.id))
    return path.resolve()


def free_path(folder: Path, title: str) -> Path:
    """`a-title.md`, or `a-title-2.md` where that exists."""
    name = re.sub(r"[^\w-]+", "-", title.lower()).strip("-")[:40] or "conversation"
    names = (f"{name}.md" if n == 1 else f"{name}-{n}.md" for n in range(1, 10_000))
    return next(folder / name for name in names if not (folder / name).exists())
