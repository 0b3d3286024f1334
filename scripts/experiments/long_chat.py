"""Whether the memory of a long chat stays flat: `chat --plain` on one model, far beyond its context.

    python scripts/experiments/long_chat.py MODEL.gguf [--turns 300] [--n-ctx 512] [--max-tokens 32]

Prints a row at every 50th turn: resident memory now and at its peak, in MiB, turns that were left out so
far, and the size of the history's file. Linux only (/proc).
"""

import argparse
import io
import re
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from localcollab.history import open_history
from localcollab.llama.options import Options
from localcollab.progress import OnProgress
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import plan_from_files
from localcollab_tui.engine.thread import on_own_models
from localcollab_tui.plain import PlainChat

TOPICS = ("rivers", "bread", "winter", "bicycles", "music", "stars", "harbours", "chess", "tea")


class Said(io.StringIO):
    """What the chat says; only counts are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.n_left_out = self.n_errors = 0

    def write(self, text: str) -> int:
        self.n_left_out += len(re.findall(r"the oldest .* left out", text))
        self.n_errors += text.startswith("error:")
        return len(text)


class Typed(io.StringIO):
    """Questions, one after the other; a row of figures before every 50th."""

    def __init__(self, n_turns: int, max_tokens: int, said: Said, file: Path) -> None:
        super().__init__()
        self._n_turns, self._max_tokens, self._said, self._file = n_turns, max_tokens, said, file

    def __iter__(self) -> Iterator[str]:  # type: ignore[override]
        yield f"/set max_tokens {self._max_tokens}\n"
        for turn in range(1, self._n_turns + 1):
            yield f"Question {turn}: tell me something about {TOPICS[turn % len(TOPICS)]}.\n"
            if turn % 50 == 0 or turn == 1:
                self._print_row(turn)

    def _print_row(self, turn: int) -> None:
        size = self._file.stat().st_size / 2**20
        now, peak = resident("VmRSS"), resident("VmHWM")
        row = f"{turn:5}  {now:9.1f}  {peak:9.1f}  {self._said.n_left_out:13}  {size:9.2f}"
        print(row, flush=True)


def resident(key: str) -> float:
    """MiB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(rf"{key}:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--turns", type=int, default=300)
    parser.add_argument("--n-ctx", type=int, default=512)
    parser.add_argument("--max-tokens", type=int, default=32)
    given = parser.parse_args()

    def open_it(_name: str | None, on_progress: OnProgress) -> OpenTeam:
        plan = plan_from_files(given.model, [])
        return open_team(plan, Options(n_ctx=given.n_ctx), on_progress)

    with tempfile.TemporaryDirectory() as folder:
        file, said = Path(folder) / "history.db", Said()
        typed = Typed(given.turns, given.max_tokens, said, file)
        print(" turn    RSS MiB   peak MiB  turns dropped  history MiB")
        with open_history(file) as history:
            PlainChat(history, on_own_models(open_it), typed, said).run(None, None)
    print(f"errors: {said.n_errors}, threads at the end: {threading.active_count()}")


if __name__ == "__main__":
    main()
