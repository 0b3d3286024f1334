"""`convert ranker`: its losses, its pairs, and data that it refuses."""

from pathlib import Path

import numpy as np
import pytest
import torch

from localcollab.blend.ranker_file import Form
from localcollab.errors import BadData
from localcollab_convert.make_ranker import RankerMaker
from localcollab_convert.ranker_data import Example, draw_pairs
from localcollab_convert.ranker_encoder import Size
from localcollab_convert.ranker_model import PairRankerModule, ranking_loss
from localcollab_convert.ranker_request import Request
from localcollab_convert.ranker_train import Recipe


def request(folder: Path, **options: object) -> Request:
    given: dict[str, object] = {
        "data": folder / "train.jsonl", "valid": folder / "valid.jsonl",
        "size": Size(width=32, n_layers=2, n_vocab=512), "n_source": 8, "n_candidate": 40,
        "recipe": Recipe(n_epochs=6, batch=16, learning_rate=5e-3), "out": folder / "ranker",
    }  # fmt: skip
    return Request(**given | options)  # type: ignore[arg-type]


def ignore(_line: str) -> None:
    pass


def test_losses_equal_their_formulas() -> None:
    scores = torch.tensor([[[0.5, -1.0], [2.0, 0.25]], [[1.5, 0.0], [-0.5, 3.0]]])
    signs = torch.tensor([[1.0, -1.0], [0.0, 1.0]])
    kept = [(0, 0, 1), (0, 1, -1), (1, 1, 1)]
    logistic, bce = [], []
    for row, q, sign in kept:
        a, b = float(scores[row, 0, q]), float(scores[row, 1, q])
        logistic.append(np.log1p(np.exp(-(a - b) * sign)))
        better, worse = (a, b) if sign > 0 else (b, a)
        bce.append(np.log1p(np.exp(-better)) + np.log1p(np.exp(worse)))
    assert float(ranking_loss(scores, signs, "logistic")) == pytest.approx(np.mean(logistic))
    assert float(ranking_loss(scores, signs, "bce")) == pytest.approx(np.mean(bce))


def test_padding_does_not_change_a_score() -> None:
    import transformers

    config = transformers.ModernBertConfig(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1,
        sep_token_id=2, local_attention=8,
    )  # fmt: skip
    torch.manual_seed(0)
    module = PairRankerModule(transformers.ModernBertModel(config), 32, 2, pad=0).eval()
    form = Form(3, 4, 5, 2, 1, 8, 16)
    short, long = form.write([9], [10], [11]), form.write([9] * 8, [10] * 16, [11] * 9)
    with torch.inference_mode():
        together, alone = module([short, long])[0], module([short])[0]
    assert torch.allclose(together, alone, atol=1e-5)


def test_pairs_that_are_equal_are_never_drawn() -> None:
    equal = Example([1], [[2], [3]], np.ones((2, 1), np.float32))
    apart = Example([1], [[2], [3], [4]], np.array([[0], [0], [1]], np.float32))
    drawn = draw_pairs([equal, apart], np.random.default_rng(0), 5)
    assert sorted({p.first, p.second} == {0, 2} for p in drawn) == [False, True]
    assert all(p.example is apart and p.signs != 0 for p in drawn)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("", "no record with two candidates"),
        ('{"instruction": "a", "candidates": [{"text": "b"}, {"text": "c"}]}\n'
         '{"instruction": "d", "candidates": [{"text": "e"}, {"text": "f"}]}\n', "no measure"),
        ('{"instruction": "a"}\n', "line 1 is no record"),
        ('{"instruction": "a", "candidates": [{"text": "b", "scores": {"q": 1}}, '
         '{"text": "c", "scores": {"q": 2}}]}\n', "one instruction alone"),
    ],
)  # fmt: skip
def test_data_that_cannot_be_used_is_one_line(tmp_path: Path, lines: str, words: str) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text(lines)
    with pytest.raises(BadData, match=words):
        RankerMaker(request(tmp_path, data=data, valid=None), ignore, ignore)
