"""`convert ranker` from records to a ranker that llama.cpp and NumPy run, against PyTorch."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from localcollab.blend.pair_ranker import ENCODER, FILE, open_pairranker
from localcollab.blend.ranker_file import Form
from localcollab.blend.ranking import compare_both_ways, contest_of, rank_contest
from localcollab.errors import BadData, BadOption, ContextFull, RankerMismatch
from localcollab.llama.encoder import load_encoder
from localcollab_convert.ranker.data import Example, all_pairs, draw_pairs
from localcollab_convert.ranker.make import RankerMaker
from localcollab_convert.ranker.model import PairRankerModule, pair_logits, ranking_loss
from localcollab_convert.ranker.request import (
    EncoderSize,
    RankerRequest,
    RankerResult,
    Recipe,
)
from real_tokenizers import llama_cpp_sdist

pytestmark = pytest.mark.slow

WORDS = (
    "the", "sun", "moon", "river", "stone", "bread", "green", "early", "over", "under", "walks",
    "sleeps", "finds", "keeps",
)  # fmt: skip
GOOD, BAD = "certainly clearly", "perhaps dunno"


def record(n: int, rng: np.random.Generator) -> dict[str, object]:
    """Four answers of like lengths; the more good and the fewer bad words, the better."""
    candidates = []
    for k in range(4):
        text = [str(word) for word in rng.choice(WORDS, rng.integers(4, 24))]
        good = int(rng.integers(0, 3))
        text += GOOD.split() * good + BAD.split() * (2 - good)
        scores = {"wisdom": float(good), "tone": good / 2}
        text = [text[i] for i in rng.permutation(len(text))]
        candidates.append({"model": f"m{k}", "text": " ".join(text), "scores": scores})
    return {"id": n, "instruction": f"Say {rng.choice(WORDS)} {n}", "candidates": candidates}


def write_records(path: Path, n: int, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    path.write_text("".join(json.dumps(record(i, rng)) + "\n" for i in range(n)))
    return path


def request(folder: Path, **options: object) -> RankerRequest:
    given: dict[str, object] = {
        "data": folder / "train.jsonl", "valid": folder / "valid.jsonl",
        "size": EncoderSize(width=32, n_layers=2, n_vocab=512), "n_source": 8, "n_candidate": 40,
        "recipe": Recipe(n_epochs=6, batch=16, learning_rate=5e-3), "out": folder / "ranker",
    }  # fmt: skip
    return RankerRequest(**given | options)  # type: ignore[arg-type]


def ignore(_line: object) -> None:
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranker")
    write_records(folder / "train.jsonl", 120, 0)
    write_records(folder / "valid.jsonl", 40, 1)
    return folder


@pytest.fixture(scope="module")
def maker(folder: Path) -> RankerMaker:
    llama_cpp_sdist()
    return RankerMaker(request(folder), ignore, ignore)


@pytest.fixture(scope="module")
def made(maker: RankerMaker) -> RankerResult:
    return maker.make()


@pytest.mark.slow
def test_a_ranker_from_scratch_learns_what_is_better(made: RankerResult, folder: Path) -> None:
    ranker = open_pairranker(made.path)
    answers = ["the moon perhaps dunno sleeps", "the moon certainly clearly sleeps"]
    ranking = rank_contest(contest_of("Say moon", answers), ranker.compare)
    assert (ranking.ranks, made.accuracy > 0.9) == ((2, 1), True)


@pytest.mark.slow
def test_two_hundred_pairs_equal_the_trained_module(made: RankerResult, maker: RankerMaker) -> None:
    ranker = open_pairranker(made.path)
    pairs = all_pairs(maker.valid_examples())[:200]
    texts = [
        (p.example.source, p.example.candidates[p.first], p.example.candidates[p.second])
        for p in pairs
    ]
    with torch.inference_mode():
        module = maker.trained()
        form = ranker.ranker.card.form
        theirs = [float(pair_logits(module([pair.written(form)]))) for pair in pairs]
    ours, spread = ranker.compare_tokens(texts), float(np.std(theirs))
    assert len(ours) == 200
    assert spread > 0.01
    assert np.abs(ours - np.array(theirs)).max() <= min(1e-2, spread / 10)


@pytest.mark.slow
def test_both_orders_are_antisymmetric_to_the_last_bit(made: RankerResult) -> None:
    compare = open_pairranker(made.path).compare
    contest = contest_of("Say sun", ["the sun", "certainly the sun keeps", "", "dunno " * 5000])
    pairs = [(a, b) for a in range(4) for b in range(4)]
    one = compare_both_ways(contest, compare, pairs)
    other = compare_both_ways(contest, compare, [(b, a) for a, b in pairs])
    assert one.tolist() == (-other).tolist()
    assert len(set(np.abs(one).tolist())) == 7  # six pairs, and nothing against itself


@pytest.mark.slow
def test_a_finished_ranker_is_not_trained_again(made: RankerResult, folder: Path) -> None:
    shown: list[object] = []
    again = RankerMaker(request(folder), shown.append, shown.append).make()
    assert again == made
    assert not any("training" in str(line) for line in shown)


@pytest.mark.slow
def test_a_stopped_training_goes_on_to_the_same_bits(
    made: RankerResult, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("localcollab_convert.ranker.train.SECONDS_BETWEEN_CHECKPOINTS", 0.0)

    def stop(doing: object) -> None:
        if str(doing).startswith("training: 50 of "):
            raise KeyboardInterrupt

    asked = request(folder, out=folder / "stopped")
    with pytest.raises(KeyboardInterrupt):
        RankerMaker(asked, stop, ignore).make()
    assert not (asked.out / FILE).exists()
    RankerMaker(asked, ignore, ignore).make()
    for name in (FILE, ENCODER):
        assert (asked.out / name).read_bytes() == (made.path / name).read_bytes()


@pytest.mark.slow
def test_another_encoder_is_refused(made: RankerResult, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes((made.path / FILE).read_bytes())
    other = made.path.with_name("ranker.work") / "encoder" / ENCODER
    (tmp_path / ENCODER).write_bytes(other.read_bytes())
    with pytest.raises(RankerMismatch, match="another encoder"):
        open_pairranker(tmp_path)


@pytest.mark.slow
def test_an_encoder_says_what_it_cannot_read(made: RankerResult) -> None:
    encoder, _ = load_encoder(made.path / ENCODER)
    assert encoder.encode([9, 8, 7]).shape == (3, 32)
    for tokens, error, words in (
        ([], BadOption, "no tokens to encode"),
        ([5] * (encoder.n_ctx + 1), ContextFull, "do not fit"),
        ([-1], BadOption, "outside its vocabulary"),
    ):
        with pytest.raises(error, match=words):
            encoder.encode(tokens)


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
        ('{"instruction": "a"}\n', "line 1 is not a record"),
        ('{"instruction": "a", "candidates": [{"text": "b", "scores": {"q": 1}}, '
         '{"text": "c", "scores": {"q": 2}}]}\n', "only one instruction"),
    ],
)  # fmt: skip
def test_data_that_cannot_be_used_is_one_line(tmp_path: Path, lines: str, words: str) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text(lines)
    with pytest.raises(BadData, match=words):
        RankerMaker(request(tmp_path, data=data, valid=None), ignore, ignore)
