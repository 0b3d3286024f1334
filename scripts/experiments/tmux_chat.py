"""A recorded run of `localcollab chat` in tmux: the real app on the shipped team, typed at by keys.

Writes what the terminal showed at each step, as text, one folder for each size.

python scripts/experiments/tmux_chat.py [--out DIR] [--size 80x24 --size 200x50]
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SIZES = ((80, 24), (200, 50))
QUESTION = "What do 10 doses of Lelgidone add up to?"
_SECONDS = 120.0
"""A step may take; the first one checks the model files."""

_SECONDS_AFTER_ESCAPE = 0.5
"""What comes right behind it is one key with it, to any terminal program."""


@dataclass(frozen=True, slots=True)
class Step:
    """Keys that are pressed, and what the screen must show before it is captured."""

    name: str
    keys: tuple[str, ...]
    shows: tuple[str, ...]


STEPS = (
    Step("1-start", (), ("Ask a question.", "ready")),
    Step("2-answer", (QUESTION, "Enter"), (QUESTION, "tok/s", "context", "formulary¹")),
    Step("3-provenance", ("F2",), ("‹formulary›¹", "‹arithmetic›²", "p_defer ", "(this one")),
    Step("4-next-place", ("n", "Right"), ("token ", "probability", "(this one")),
    Step("5-threshold", ("F2", "/threshold 0.9"), ("would be deferred", "│")),
    Step("6-completion", ("C-u", "/ex"), ("/export",)),
    Step("7-sessions", ("Escape", "C-u", "C-s"), ("conversations", "Enter opens", QUESTION)),
    Step("8-search", ("Escape", "C-f", "Lelgidone"), ("2 found",)),
    Step("9-help", ("Escape", "F1"), ("KEYS", "Who wrote what", "IN AN ANSWER")),
)  # fmt: skip


class Terminal:
    """A tmux server of its own, with one window of a fixed size."""

    def __init__(self, folder: Path, width: int, height: int) -> None:
        self._socket = str(folder / "socket")
        homes = {f"XDG_{kind}_HOME": str(folder / kind) for kind in ("DATA", "CONFIG")}
        command = shlex.join([sys.executable, "-m", "localcollab.cli.main", "chat"])
        self._tmux(
            "-f", os.devnull, "new-session", "-d", "-x", str(width), "-y", str(height), command,
            env=os.environ | homes | {"LC_ALL": "C.UTF-8"},
        )  # fmt: skip

    def press(self, key: str) -> None:
        """A key by tmux's name for it, or a text."""
        self._tmux("send-keys", *(["-l"] if len(key) > 1 and " " in key else []), "--", key)
        if key == "Escape":
            time.sleep(_SECONDS_AFTER_ESCAPE)

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p", "-t", ":")

    def wait_for(self, is_so: Callable[[str], bool], what: str) -> str:
        """The screen, once it is so and stands still. Raises `AssertionError`."""
        give_up = time.monotonic() + _SECONDS
        before, now = "", self.screen()
        while not (is_so(now) and now == before):
            assert time.monotonic() < give_up, f"{what} never came:\n{now}"
            time.sleep(0.2)
            before, now = now, self.screen()
        return now

    def close(self) -> None:
        self._tmux("kill-server")

    def _tmux(self, *arguments: str, env: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            ["tmux", "-u", "-S", self._socket, *arguments],
            env=env, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout


def record(width: int, height: int) -> dict[str, str]:
    """Step -> what the terminal showed."""
    captures = {}
    with tempfile.TemporaryDirectory(prefix="lc") as folder:
        terminal = Terminal(Path(folder), width, height)
        try:
            for step in STEPS:
                for key in step.keys:
                    terminal.press(key)
                captures[step.name] = terminal.wait_for(
                    lambda screen, step=step: all(text in screen for text in step.shows),  # type: ignore[misc]
                    f"{step.name}: {step.shows}",
                )
        finally:
            terminal.close()
    return captures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/tmux"))
    parser.add_argument("--size", action="append", help="WIDTHxHEIGHT")
    given = parser.parse_args()
    sizes = [tuple(map(int, size.split("x"))) for size in given.size or []] or SIZES
    for width, height in sizes:
        folder = given.out / f"{width}x{height}"
        folder.mkdir(parents=True, exist_ok=True)
        for name, screen in record(width, height).items():
            (folder / f"{name}.txt").write_text(screen, encoding="utf-8")
            print(folder / f"{name}.txt")


if __name__ == "__main__":
    main()
