"""What the head learns from: questions about the documents, and general answers and texts of the base.

Questions stand in wordings that no round of the expert asked. General text comes in both forms, chat and
free text: a head that saw chats alone may take any other text for the documents'.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localcollab_convert.adapted.bias import ABOUT, CHAT, TEXT
from localcollab_convert.adapted.general_text import Turn
from localcollab_convert.staging.stages import write_text
from localcollab_convert.study.material import Lesson

_LESSONS, _VALID_LESSONS = 150, 40
"""At most."""
_VALID_SHARE = 0.25
"""Of the lessons and of the texts."""


@dataclass(frozen=True, slots=True)
class General:
    """Of the base: none of the validation part was practised."""

    turns: Sequence[Turn]
    valid_turns: Sequence[Turn]
    texts: Sequence[str]


def write_head_data(
    lessons: Sequence[Lesson], general: General, folder: Path, seed: int
) -> tuple[Path, Path]:
    """(train, validation) as `convert head` reads them. `lessons`: questions."""
    about = list(lessons)
    random.Random(seed).shuffle(about)
    n_valid = min(_VALID_LESSONS, max(1, int(_VALID_SHARE * len(about))))
    valid, train = about[:n_valid], about[n_valid : n_valid + _LESSONS]
    n_texts = max(1, int(_VALID_SHARE * len(general.texts)))
    parts = (
        ("train", train or valid, general.turns, general.texts[n_texts:]),
        ("valid", valid, general.valid_turns, general.texts[:n_texts]),
    )
    paths = []
    for name, asked, turns, texts in parts:
        records = [
            *(_chat(ABOUT, each.prompt, each.answer) for each in asked),
            *(_chat(CHAT, turn.prompt, turn.answer) for turn in turns),
            *({"text": text, "kind": TEXT} for text in texts if text.strip()),
        ]
        path = folder / f"{name}.jsonl"
        write_text(path, "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records))
        paths.append(path)
    return paths[0], paths[1]


def _chat(kind: str, prompt: str, answer: str) -> dict[str, object]:
    said = (("user", prompt), ("assistant", answer))
    return {"kind": kind, "messages": [{"role": who, "content": text} for who, text in said]}
