"""What the base itself says about general things: practice for the expert, and what it is checked on."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.events import Finished
from localcollab.progress import Counted, OnProgress
from localcollab.teams.opened import OpenTeam
from localcollab.teams.session import Session
from localcollab_convert.staging.stages import write_text

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


_FREE_TOKENS = 96
"""Of a free text."""
_TOGETHER = 50
"""Texts: more take memory that nothing else needs."""


def write_freely(
    model: Any, openers: Sequence[int], path: Path, n: int, seed: int, device: torch.device
) -> list[tuple[int, ...]]:
    """`n` texts of the base from one token on, drawn at temperature 1: many together, so that they take
    little longer than one. A finished file is read."""
    if path.exists():
        return read_freely(path)
    starts = [openers[at % len(openers)] for at in range(n)]
    texts = list[tuple[int, ...]]()
    for at in range(0, n, _TOGETHER):
        texts += _continued(model, starts[at : at + _TOGETHER], seed + at, device)
    write_text(path, "".join(json.dumps(text) + "\n" for text in texts))
    return texts


def _continued(
    model: Any, starts: Sequence[int], seed: int, device: torch.device
) -> list[tuple[int, ...]]:
    torch.manual_seed(seed)
    ids = torch.tensor(starts, device=device)[:, None]
    with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16):
        ids = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=1.0,
            top_k=0, top_p=1.0, min_new_tokens=_FREE_TOKENS, max_new_tokens=_FREE_TOKENS,
            pad_token_id=0,
        )  # fmt: skip
    return [tuple(row) for row in ids.tolist()]


def read_freely(path: Path) -> list[tuple[int, ...]]:
    return [tuple(json.loads(line)) for line in path.read_text("utf-8").splitlines()]
