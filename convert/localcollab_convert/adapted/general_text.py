"""What the base itself says about general things: practice for the expert, and what it is checked on."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.events import Finished
from localcollab.progress import Counted, OnProgress
from localcollab.teams.open import OpenTeam
from localcollab.teams.session import Session

_WARM = 0.8
"""Temperature: many answers instead of the likeliest, whose probabilities hardly move."""
MOST_TOKENS = 40


class Turn(NamedTuple):
    prompt: str
    answer: str


def write_general(
    base: OpenTeam, prompts: Sequence[str], path: Path, seed: int, on_progress: OnProgress
) -> list[Turn]:
    """The base's answers, one line each; a killed run goes on behind the last whole line."""
    turns = read_general(path)
    with path.open("a", encoding="utf-8") as file:
        os.chmod(path, 0o600)
        for n in range(len(turns), len(prompts)):
            on_progress(Counted("general text", n, len(prompts), "answers of the base"))
            sampling = Sampling(temperature=_WARM, seed=seed + n)
            events = Session(base).ask(prompts[n], sampling, Limits(MOST_TOKENS))
            text = next(event.text for event in events if isinstance(event, Finished)).strip()
            turns.append(Turn(prompts[n], text or "."))
            file.write(json.dumps(turns[-1], ensure_ascii=False) + "\n")
            file.flush()
    return turns


def read_general(path: Path) -> list[Turn]:
    """The whole lines; a torn last one is removed from the file."""
    if not path.exists():
        return []
    turns, n_whole = list[Turn](), 0
    data = path.read_bytes()
    for line in data.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        turns.append(Turn(*json.loads(line)))
        n_whole += len(line)
    if n_whole < len(data):
        os.truncate(path, n_whole)
    return turns
