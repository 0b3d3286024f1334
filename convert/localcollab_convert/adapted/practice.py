"""Text that an expert must not forget: what the base answers to general prompts, and writes freely."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from localcollab.progress import OnProgress
from localcollab.teams.opened import OpenTeam
from localcollab_convert.adapted import layers as lora
from localcollab_convert.adapted.general_text import Turn, read_freely, write_freely, write_general
from localcollab_convert.adapted.layers import Adapted
from localcollab_convert.adapted.rows import Batch, Row, RowMaker, batches
from localcollab_convert.study.general import FREE_OPENERS, PRACTICE

_PRACTISED = 2
"""Times as many answers and texts as are checked."""


@dataclass(frozen=True, slots=True)
class GeneralTexts:
    """In a folder; what is there is not written again."""

    folder: Path
    n: int
    """Answers and texts that are checked, of each."""
    seed: int
    show: OnProgress

    def answers(self, base: OpenTeam, prompts: Sequence[str], name: str) -> list[Turn]:
        """Of the base to the first `n` prompts."""
        return self._answers(base, prompts[: self.n], name)

    def practised(self, base: OpenTeam) -> list[Turn]:
        return self._answers(base, PRACTICE[: _PRACTISED * self.n], "practice")

    def free(self) -> list[tuple[int, ...]]:
        """Texts that were written for practice and are none of it."""
        return read_freely(self._free_path)[_PRACTISED * self.n :]

    def practice(
        self,
        base: OpenTeam,
        maker: RowMaker,
        model: Any,
        layers: dict[str, Adapted],
        device: torch.device,
        n_tokens: int,
    ) -> list[Batch]:
        """Answers and free texts mixed, `n_tokens` a batch at most. `model`: the base in PyTorch."""
        rows = [row for turn in self.practised(base) for row in maker.conversation([turn])]
        self.show("the base writes general text")
        n_free = _PRACTISED * self.n
        with lora.switched_off(layers):
            texts = write_freely(
                model,
                maker.openers(FREE_OPENERS),
                self._free_path,
                n_free + self.n,
                self.seed,
                device,
            )
        rows += [Row(tokens, (False, *[True] * (len(tokens) - 1))) for tokens in texts[:n_free]]
        random.Random(self.seed).shuffle(rows)
        return batches(rows, n_tokens)

    def _answers(self, base: OpenTeam, prompts: Sequence[str], name: str) -> list[Turn]:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}.jsonl"
        return write_general(base, prompts, path, self.seed, self.show)

    @property
    def _free_path(self) -> Path:
        return self.folder / "free.jsonl"
