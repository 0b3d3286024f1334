"""PairRM on tiny random weights: the same logits as the straightforward use of transformers."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import save_file
from torch import nn

from localcollab.blend.ranking import compare_both_ways, contest_of
from localcollab.errors import RankerMismatch
from localcollab_convert.ranker.pairrm import PairRm, load_pairrm, load_pairrm_module

pytestmark = pytest.mark.slow

CLS, SEP, SOURCE, FIRST, SECOND = 1, 2, 60, 61, 62
MARKS = (SOURCE, FIRST, SECOND)
WIDTH, N_TASKS = 32, 2
CONFIG = {
    "vocab_size": 64, "hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 4,
    "intermediate_size": 64, "relative_attention": True, "position_buckets": 8,
    "norm_rel_ebd": "layer_norm", "share_att_key": True, "pos_att_type": ["p2c", "c2p"],
    "max_relative_positions": -1, "position_biased_input": False, "type_vocab_size": 0,
    "layer_norm_eps": 1e-7, "initializer_range": 0.3, "pad_token_id": 0, "max_position_embeddings": 512,
}  # fmt: skip
"""DeBERTa-v3's own choices, but for the sizes."""


class Original(nn.Module):
    """As its paper and card describe it: encode, find the marks by their ids, score, subtract."""

    def __init__(self) -> None:
        super().__init__()
        self.pretrained_model = transformers.DebertaV2Model(transformers.DebertaV2Config(**CONFIG))
        self.head_layer = nn.Sequential(
            nn.Dropout(0.05), nn.Linear(2 * WIDTH, WIDTH), nn.Tanh(), nn.Dropout(0.05),
            nn.Linear(WIDTH, N_TASKS),
        )  # fmt: skip

    def logit(self, ids: list[int]) -> float:
        tokens = torch.tensor([ids])
        states = self.pretrained_model(input_ids=tokens).last_hidden_state[0]
        source, first, second = (states[ids.index(mark)] for mark in MARKS)
        scores = [self.head_layer(torch.cat([source, one])) for one in (first, second)]
        return float((scores[0] - scores[1]).mean())


@pytest.fixture(scope="module")
def original() -> Original:
    torch.manual_seed(0)
    return Original().eval()


@pytest.fixture(scope="module")
def folder(original: Original, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairrm")
    save_file(original.state_dict(), folder / "model.safetensors")
    config = CONFIG | {
        "model_type": "deberta-v2", "n_tasks": N_TASKS, "drop_out": 0.05, "sep_token_id": SEP,
        "cls_token_id": CLS, "source_prefix_id": SOURCE, "cand1_prefix_id": FIRST,
        "cand2_prefix_id": SECOND,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def encode_as_published(source: list[int], first: list[int], second: list[int]) -> list[int]:
    """`encode(mark + text, truncation)` for each, with [CLS] and [SEP] inside the bound."""

    def encode(mark: int, text: list[int], n_most: int) -> list[int]:
        return [CLS, *[mark, *text][: n_most - 2], SEP]

    start = encode(SOURCE, source, 1224)
    n_candidate = (1224 + 2 * 412 - len(start)) // 2
    return start + encode(FIRST, first, n_candidate) + encode(SECOND, second, n_candidate)


def test_logits_equal_the_straightforward_implementation(folder: Path, original: Original) -> None:
    rng = np.random.default_rng(0)
    texts = [
        tuple(rng.integers(3, 60, n).tolist() for n in lengths)
        for lengths in ((5, 7, 3), (1, 1, 1), (40, 0, 90), (6, 30, 30), (12, 64, 2), (3, 9, 9),
                        (0, 4, 4), (20, 20, 20), (9, 120, 110))
    ]  # fmt: skip
    with torch.inference_mode():
        theirs = [original.logit(encode_as_published(*three)) for three in texts]
    module, form, marks = load_pairrm_module(folder)
    marked = [tuple([m, *t] for m, t in zip(marks, three, strict=True)) for three in texts]
    ours = PairRm(module, form).compare_tokens(marked)  # type: ignore[arg-type]
    assert np.std(theirs) > 0.01
    assert np.abs(ours - np.array(theirs)).max() < 1e-4


@pytest.mark.parametrize("lengths", [(5, 7, 3), (1300, 500, 500), (100, 3000, 10), (0, 0, 0)])
def test_long_texts_are_cut_as_published(lengths: tuple[int, int, int], folder: Path) -> None:
    source, first, second = (list(range(n)) for n in lengths)
    _, form, marks = load_pairrm_module(folder)
    written = form.write(*([m, *t] for m, t in zip(marks, (source, first, second), strict=True)))
    assert written.tokens == encode_as_published(source, first, second)
    assert len(written.tokens) <= 2048
    assert [written.tokens[at] for at in written.marks] == list(MARKS)


def test_text_is_ranked_with_the_published_tokenizer(folder: Path, original: Original) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {f"w{i}": i for i in range(3, 60)} | {"[PAD]": 0, "[CLS]": CLS, "[SEP]": SEP}
    marks = dict(zip(("<|source|>", "<|candidate1|>", "<|candidate2|>"), MARKS, strict=True))
    tokenizer = Tokenizer(models.WordLevel(words | marks, unk_token="w59"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]")
    fast.add_special_tokens({"additional_special_tokens": list(marks)})
    fast.save_pretrained(folder)
    contest = contest_of("w3 w4", ["w5 w6 w7", "w8", "w9 w9 w9 w9"])
    compare = load_pairrm(folder).compare
    with torch.inference_mode():
        theirs = original.logit(encode_as_published([3, 4], [8], [5, 6, 7]))
    assert compare(contest, [(1, 0)])[0] == pytest.approx(theirs, abs=1e-4)
    both = compare_both_ways(contest, compare, [(0, 2), (2, 0)])
    assert both[0] == pytest.approx(-both[1], abs=1e-6)


def test_other_folders_are_refused_in_one_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RankerMismatch, match="not a PairRM model"):
        load_pairrm(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(RankerMismatch, match="no safetensors file"):
        load_pairrm(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config | {"n_tasks": 3}))
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    with pytest.raises(RankerMismatch, match=r"out\.weight"):
        load_pairrm(tmp_path)
