"""The README's picture: `localcollab run` in a terminal of its own, as an SVG.

python scripts/pictures/answer.py docs/answer.svg "What do 7 doses of Zanobrixtin add up to?" ...
"""

import os
import pty
import re
import shlex
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

WIDTH = 84
_STATUS_LINE = re.compile(r"[^\n]*\r\x1b\[K")


def run_in_terminal(command: list[str]) -> str:
    """What a terminal of `WIDTH` columns receives, progress lines left out."""
    output = bytearray()

    def read(descriptor: int) -> bytes:
        data = os.read(descriptor, 65536)
        output.extend(data)
        return data  # shown as it comes

    os.environ |= {"TERM": "xterm-256color", "COLUMNS": str(WIDTH)}
    os.environ.pop("NO_COLOR", None)
    if pty.spawn(command, read):
        raise SystemExit(f"{shlex.join(command)} failed:\n{output.decode(errors='replace')}")
    return _STATUS_LINE.sub("", output.decode().replace("\r\n", "\n"))


def main() -> None:
    path, questions = Path(sys.argv[1]), sys.argv[2:]
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115
    for question in questions:
        console.print(Text(f"$ localcollab run {shlex.quote(question)}", style="bold"))
        answer = run_in_terminal([sys.executable, "-m", "localcollab.cli.main", "run", question])
        console.print(Text.from_ansi(answer.rstrip()))
        console.print()
    partial = path.with_name(path.name + ".partial")
    console.save_svg(str(partial), title="localcollab", theme=MONOKAI)
    os.replace(partial, path)


if __name__ == "__main__":
    main()
