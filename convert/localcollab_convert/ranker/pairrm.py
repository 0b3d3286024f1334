"""The public PairRM (DeBERTa-v3, arXiv:2306.02561) through transformers, as a `Compare`.

llama.cpp does not support DeBERTa, so this ranker needs the `convert` extra. The input format is the
published one: each of the three parts has its own [CLS] and [SEP], and the candidates share those of the
2048 tokens that the source does not use.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from localcollab.blend.ranker_file import Written
from localcollab.blend.ranking import Contest, Pair
from localcollab.errors import RankerMismatch
from localcollab.language_model import Float32Array
from localcollab_convert.ranker.encoder import MARKS
from localcollab_convert.ranker.model import PairRankerModule, pair_logits
from localcollab_convert.verify.parity import load_tokenizer

_ENCODER = "pretrained_model."
_HEAD = {
    "head_layer.1.weight": "hidden.weight", "head_layer.1.bias": "hidden.bias",
    "head_layer.4.weight": "out.weight", "head_layer.4.bias": "out.bias",
}  # fmt: skip
_PAIRS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class PairRmForm:
    cls: int
    sep: int
    n_source: int = 1224
    """Maximum number of tokens of the source, including [CLS], mark and [SEP]."""
    n_candidate: int = 412

    def write(self, source: Sequence[int], first: Sequence[int], second: Sequence[int]) -> Written:
        """Each part begins with its mark; candidates may use the tokens that a short source leaves."""
        tokens = self._part(source, self.n_source)
        n_candidate = (self.n_source + 2 * self.n_candidate - len(tokens)) // 2
        marks = [1]
        for part in (first, second):
            marks.append(len(tokens) + 1)
            tokens += self._part(part, n_candidate)
        return Written(tokens, (marks[0], marks[1], marks[2]))

    def _part(self, tokens: Sequence[int], n_most: int) -> list[int]:
        return [self.cls, *tokens[: n_most - 2], self.sep]


class PairRm:
    """`compare` is a `Compare`; the module is in evaluation mode."""

    def __init__(self, module: PairRankerModule, form: PairRmForm, tokenizer: Any = None) -> None:
        """`tokenizer`: of transformers; None if only token ids are compared."""
        self.module, self.form = module, form
        self._tokenizer = tokenizer

    def compare(self, contest: Contest, pairs: Sequence[Pair]) -> Float32Array:
        """(n_pairs,): logits that the first of each pair is better."""
        source = self._encode(MARKS[0], contest.prompt)
        firsts = [self._encode(MARKS[1], text) for text in contest.candidates]
        seconds = [self._encode(MARKS[2], text) for text in contest.candidates]
        return self.compare_tokens([(source, firsts[a], seconds[b]) for a, b in pairs])

    @torch.inference_mode()
    def compare_tokens(
        self, texts: Sequence[tuple[Sequence[int], Sequence[int], Sequence[int]]]
    ) -> Float32Array:
        """(source, first, second) as token ids that begin with their marks -> (n,)."""
        written = [self.form.write(*three) for three in texts]
        parts = [
            pair_logits(self.module(written[at : at + _PAIRS_AT_ONCE])).numpy()
            for at in range(0, len(written), _PAIRS_AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def _encode(self, mark: str, text: str) -> list[int]:
        # Mark and text together: text after an added token is tokenized differently from a beginning.
        ids: list[int] = self._tokenizer(mark + text, add_special_tokens=False)["input_ids"]
        return ids


def load_pairrm(folder: Path) -> PairRm:
    """A folder in the format of llm-blender/PairRM-hf. Raises `RankerMismatch`, `BadModelFile`."""
    module, form, marks = load_pairrm_module(folder)
    tokenizer = load_tokenizer(folder)
    found = tuple(tokenizer.convert_tokens_to_ids(mark) for mark in MARKS)
    if found != marks:
        raise RankerMismatch(
            f"{folder}: the marks have the ids {found} in the tokenizer and {marks} in the config: "
            "download the folder again"
        )
    return PairRm(module, form, tokenizer)


def load_pairrm_module(folder: Path) -> tuple[PairRankerModule, PairRmForm, tuple[int, ...]]:
    """The module, its form, and the ids of its marks. Raises `RankerMismatch`."""
    import transformers

    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        marks = tuple(int(config[f"{name}_prefix_id"]) for name in ("source", "cand1", "cand2"))
        sep, n_tasks = int(config["sep_token_id"]), int(config["n_tasks"])
        encoder_config = transformers.DebertaV2Config.from_pretrained(str(folder))
        state = _state(folder)
        encoder = transformers.DebertaV2Model(encoder_config)
        module = PairRankerModule(
            encoder, encoder_config.hidden_size, n_tasks, encoder_config.pad_token_id or 0
        )
        module.load_state_dict(_renamed(state))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RankerMismatch(
            f"{folder}: not a PairRM model ({type(error).__name__}: {reason}): give a folder like "
            "llm-blender/PairRM-hf"
        ) from error
    # DeBERTa-v3's tokenizer: [CLS] is 1, [SEP] is 2.
    cls = int(config.get("cls_token_id") or 1)
    return module.eval(), PairRmForm(cls, sep), marks


def _state(folder: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise OSError("no safetensors file")
    return {name: tensor for file in files for name, tensor in load_file(file).items()}


def _renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """To the names of this module; loading rejects others."""
    names = {
        name: _HEAD.get(name, name.replace(_ENCODER, "encoder.", 1))
        for name in state
        if not name.endswith("position_ids")  # a buffer of older versions
    }
    return {own: state[theirs].float() for theirs, own in names.items()}
