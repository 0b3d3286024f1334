"""The pair ranker in PyTorch (LLM-Blender, arXiv:2306.02561), and its losses."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from localcollab.blend.ranker_file import Written
from localcollab.language_model import Float32Array
from localcollab_convert.ranker.request import Loss


class PairRankerModule(nn.Module):
    """Scores of both candidates from the states at the three marks."""

    def __init__(self, encoder: nn.Module, width: int, n_measures: int, pad: int) -> None:
        super().__init__()
        self.encoder, self.pad = encoder, pad
        self.hidden = nn.Linear(2 * width, width)
        self.out = nn.Linear(width, n_measures)

    def forward(self, pairs: Sequence[Written]) -> Tensor:
        """(n, 2, n_Q)."""
        ids, mask, marks = collate(pairs, self.pad)
        h = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state  # (n, length, d)
        h = h[torch.arange(len(ids))[:, None], marks]  # (n, 3, d)
        source = h[:, :1].expand(-1, 2, -1)
        h = torch.tanh(self.hidden(torch.cat([source, h[:, 1:]], dim=2)))  # (n, 2, d)
        scores: Tensor = self.out(h)
        return scores

    def tensors(self) -> dict[str, Float32Array]:
        """In the layout of `localcollab.blend.ranker_file`."""
        return {
            "hidden_weight": self.hidden.weight.detach().numpy().copy(),
            "hidden_bias": self.hidden.bias.detach().numpy().copy(),
            "weight": self.out.weight.detach().numpy().copy(),
            "bias": self.out.bias.detach().numpy().copy(),
        }


def collate(pairs: Sequence[Written], pad: int) -> tuple[Tensor, Tensor, Tensor]:
    """(ids, mask, marks): (n, length), (n, length), (n, 3); padded at the end."""
    length = max(len(pair.tokens) for pair in pairs)
    ids = np.full((len(pairs), length), pad, np.int64)
    mask = np.zeros((len(pairs), length), np.int64)
    for row, pair in enumerate(pairs):
        ids[row, : len(pair.tokens)] = pair.tokens
        mask[row, : len(pair.tokens)] = 1
    marks = np.array([pair.marks for pair in pairs], np.int64)
    return torch.from_numpy(ids), torch.from_numpy(mask), torch.from_numpy(marks)


def ranking_loss(scores: Tensor, signs: Tensor, loss: Loss) -> Tensor:
    """Mean over the pairs and measures that differ. scores (n, 2, n_Q), signs (n, n_Q) in -1, 0, 1."""
    a, b = scores[:, 0], scores[:, 1]
    if loss == "logistic":
        each = F.softplus(-(a - b) * signs)
    else:
        label = (signs > 0).to(scores.dtype)
        each = F.binary_cross_entropy_with_logits(a, label, reduction="none")
        each = each + F.binary_cross_entropy_with_logits(b, 1 - label, reduction="none")
    differ = signs != 0
    return each[differ].mean()


def pair_logits(scores: Tensor) -> Tensor:
    """(n, 2, n_Q) -> (n,): the logit of a pair in the runtime."""
    return (scores[:, 0] - scores[:, 1]).mean(dim=1)
