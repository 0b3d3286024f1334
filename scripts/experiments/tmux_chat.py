"""A recorded run of `localcollab chat` in tmux: the real app, typed at by keys.

Writes what the terminal showed at each step, as text, one folder for each size: the app's screens on the
shipped team, or ten turns (Esc, /more, /regen, /edit, search, export) with any team or model.

python scripts/experiments/tmux_chat.py [--out DIR] [--size 80x24 --size 200x50] [--talk TEAM|MODEL]
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
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
    is_writing: bool = False
    """It is captured while an answer is written; else when the screen stands still, and nobody writes."""


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


LONG = "Write a long story about a river, a mill and a cat."
TALK = (
    Step("01-start", (), ("Ask a question.", "ready")),
    Step("02-first", ("Hello! Who are you?", "Enter"), ("Hello! Who are you?", "prompt of")),
    Step("03-cut", ("/set max_tokens 24", "Enter", LONG, "Enter"), (LONG[:30], "24 tokens")),
    Step("04-more", ("/more", "Enter"), ("48 tokens",)),
    Step("05-more-again", ("/more", "Enter"), ("/more went on after 48",)),
    Step("06-regen", ("/regen", "Enter"), ("2 of 2", "24 tokens")),
    Step("07-writing", ("/set max_tokens 900", "Enter", "Tell me all about the sea.", "Enter"),
         ("all about the sea.", "tok/s"), is_writing=True),
    Step("08-stopped", ("Escape",), ("all about the sea.",)),
    Step("09-edit", ("/edit", "Enter", "C-u", "Name two colours.", "Enter"),
         ("two colours.", "prompt of")),
    Step("10-turn", ("/set max_tokens 32", "Enter", "Name two rivers.", "Enter"),
         ("rivers.", "prompt of")),
    Step("11-turn", ("Name two birds.", "Enter"), ("birds.", "prompt of")),
    Step("12-turn", ("Name two trees.", "Enter"), ("trees.", "prompt of")),
    Step("13-turn", ("Name two towns.", "Enter"), ("towns.", "prompt of")),
    Step("14-turn", ("Thank you!", "Enter"), ("Thank you!", "prompt of")),
    Step("15-stats", ("/stats", "Enter"), ("questions", "answers", "last answer with")),
    Step("16-search", ("Escape", "C-f", "rivers"), ("found",)),
    Step("17-export", ("Escape", "/export talk.md", "Enter"), ("written: ", "talk.md")),
)  # fmt: skip
"""`prompt of` is the last of an answer's figures."""


class Terminal:
    """A tmux server of its own, with one window of a fixed size."""

    def __init__(self, folder: Path, width: int, height: int, team: str | None) -> None:
        self._socket = str(folder / "socket")
        homes = {f"XDG_{kind}_HOME": str(folder / kind) for kind in ("DATA", "CONFIG")}
        command = shlex.join(
            [sys.executable, "-m", "localcollab.cli.main", "chat"] + ([team] if team else [])
        )
        self._tmux(
            "-f", os.devnull, "new-session", "-d", "-c", str(folder), "-x", str(width),
            "-y", str(height), command,
            env=os.environ | homes | {"LC_ALL": "C.UTF-8"},
        )  # fmt: skip

    def press(self, key: str) -> None:
        """A key by tmux's name for it, or a text."""
        self._tmux("send-keys", *(["-l"] if len(key) > 1 and " " in key else []), "--", key)
        if key == "Escape":
            time.sleep(_SECONDS_AFTER_ESCAPE)

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p", "-t", ":")

    def wait_for(self, step: Step) -> str:
        """The screen, once it shows what it must. Raises `AssertionError`."""
        give_up = time.monotonic() + _SECONDS
        before, now = "", self.screen()
        while not (all(text in now for text in step.shows) and _is_reached(step, before, now)):
            assert time.monotonic() < give_up, f"{step.name}: {step.shows} never came:\n{now}"
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


def _is_reached(step: Step, before: str, now: str) -> bool:
    last = now.rstrip().rpartition("\n")[2]
    is_busy = any(text in last for text in ("tok/s", "waiting for", "reading the prompt"))
    # A team with short answers may end one before it is seen.
    return (step.is_writing and "tok/s" in last) or (now == before and not is_busy)


def record(width: int, height: int, team: str | None = None) -> dict[str, str]:
    """Step -> what the terminal showed."""
    captures = {}
    with tempfile.TemporaryDirectory(prefix="lc") as folder:
        terminal = Terminal(Path(folder), width, height, team)
        try:
            for step in TALK if team else STEPS:
                for key in step.keys:
                    terminal.press(key)
                captures[step.name] = terminal.wait_for(step)
        finally:
            terminal.close()
    return captures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/tmux"))
    parser.add_argument("--size", action="append", help="WIDTHxHEIGHT")
    parser.add_argument("--talk", help="A team or a model to have ten turns with.")
    given = parser.parse_args()
    sizes = [tuple(map(int, size.split("x"))) for size in given.size or []] or SIZES
    for width, height in sizes:
        folder = given.out / f"{width}x{height}"
        folder.mkdir(parents=True, exist_ok=True)
        for name, screen in record(width, height, given.talk).items():
            (folder / f"{name}.txt").write_text(screen, encoding="utf-8")
            print(folder / f"{name}.txt")


if __name__ == "__main__":
    main()
