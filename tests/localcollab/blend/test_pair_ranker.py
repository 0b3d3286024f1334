"""The trained ranker without its encoder's weights: form, perceptron, files, what is told and refused."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from fakes import byte_vocabulary
from localcollab.blend.pair_ranker import FILE, PairRanker, load_pairranker
from localcollab.blend.ranker_file import (
    FORMAT,
    Form,
    RankerCard,
    RankerFile,
    load_ranker_file,
    save_ranker_file,
)
from localcollab.blend.ranking import contest_of, rank_contest
from localcollab.errors import LocalcollabError, RankerMismatch, RankingFailed
from localcollab.llama.encoder import Encoder

FORM = Form(
    source=250, candidate1=251, candidate2=252, separator=253, begin=254, n_source=4, n_candidate=6
)
CARD = RankerCard("e" * 64, FORM, ("one", "two"), seed=3, metrics={"accuracy": 0.7})
WIDTH = 5


class FakeEncoder:
    """The state of a token: a fixed random row a token, and the mean of them all."""

    def __init__(self, *, broken: bool = False) -> None:
        self.vocabulary, self.n_embd = byte_vocabulary(), WIDTH
        rows = np.random.default_rng(0).normal(size=(257, WIDTH)).astype(np.float32)
        self._rows = rows * np.float32(np.nan) if broken else rows
        self.read: list[list[int]] = []

    def encode(self, tokens: Sequence[int]) -> np.ndarray:
        self.read.append(list(tokens))
        states = self._rows[list(tokens)]
        places = np.linspace(0, 1, len(tokens), dtype=np.float32)[:, None]
        found: np.ndarray = states + states.mean(axis=0) + places
        return found


def ranker_file(n_measures: int = 2) -> RankerFile:
    rng = np.random.default_rng(1)
    shapes = {"hidden_weight": (WIDTH, 2 * WIDTH), "hidden_bias": (WIDTH,),
              "weight": (n_measures, WIDTH), "bias": (n_measures,)}  # fmt: skip
    return RankerFile({k: rng.normal(size=s).astype(np.float32) for k, s in shapes.items()}, CARD)


def ranker(encoder: FakeEncoder | None = None) -> PairRanker:
    return PairRanker(cast(Encoder, encoder or FakeEncoder()), ranker_file())


def test_a_pair_is_written_with_marks_and_cut_as_it_was_trained() -> None:
    written = FORM.write([1, 2, 3, 4, 5], [6, 7], [10, 11, 12, 13, 14, 15, 16])
    assert written.tokens == [
        254, 250, 1, 2, 3, 4, 253, 251, 6, 7, 253, 252, 10, 11, 12, 13, 14, 15, 253,
    ]  # fmt: skip
    assert [written.tokens[at] for at in written.marks] == [250, 251, 252]
    assert len(FORM.write([1] * 9, [1] * 9, [1] * 9).tokens) == FORM.n_tokens_most


def test_without_a_begin_token_the_source_mark_comes_first() -> None:
    assert replace(FORM, begin=None).write([], [], []) == (
        [250, 253, 251, 253, 252, 253],
        (0, 2, 4),
    )


def test_a_logit_is_the_mean_difference_of_the_perceptrons_scores() -> None:
    file, marked = (
        ranker_file(),
        np.random.default_rng(2).normal(size=(3, WIDTH)).astype(np.float32),
    )
    t, scores = file.tensors, []
    for candidate in (marked[1], marked[2]):
        inputs = [*marked[0], *candidate]
        hidden = [
            np.tanh(sum(w * x for w, x in zip(row, inputs, strict=True)) + bias)
            for row, bias in zip(t["hidden_weight"], t["hidden_bias"], strict=True)
        ]
        scores.append(
            [
                sum(w * h for w, h in zip(row, hidden, strict=True)) + bias
                for row, bias in zip(t["weight"], t["bias"], strict=True)
            ]
        )
    expected = np.mean(np.array(scores[0]) - np.array(scores[1]))
    assert file.logit(marked) == pytest.approx(expected, abs=1e-5)


def test_both_orders_make_an_exactly_antisymmetric_matrix_that_forgets_the_order_given() -> None:
    answers = ["short", "a longer one", "", "yet another"]
    one = rank_contest(contest_of("why?", answers), ranker().compare)
    other = rank_contest(contest_of("why?", answers[::-1]), ranker().compare)
    assert np.array_equal(one.logits, -one.logits.T)
    assert np.array_equal(one.logits, other.logits[::-1, ::-1])
    assert answers[one.best] == answers[::-1][other.best]


def test_each_pair_is_read_in_both_orders() -> None:
    encoder = FakeEncoder()
    rank_contest(contest_of("q", ["a", "b"]), ranker(encoder).compare)
    first, second = (FORM.write(b"q", *two).tokens for two in ((b"a", b"b"), (b"b", b"a")))
    assert encoder.read == [first, second]


def test_a_cut_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "localcollab.note")
    compare = ranker().compare
    compare(contest_of("q", ["a", "b"]), [(0, 1)])
    assert caplog.messages == []
    for _ in range(2):
        compare(contest_of("q", ["a" * 100_000, "b"]), [(0, 1)])
    assert caplog.messages == [
        "the ranker reads the first 4 tokens of a request and 6 of an answer, as it was trained; here "
        "are longer ones (1 and 100000)"
    ]


def test_a_ranker_that_gives_no_number_is_an_error() -> None:
    with pytest.raises(RankingFailed, match="no number"):
        rank_contest(contest_of("q", ["a", "b"]), ranker(FakeEncoder(broken=True)).compare)


def test_a_file_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_ranker_file(ranker_file(), tmp_path / name)
    loaded = load_ranker_file(tmp_path / "one")
    assert loaded.card == CARD
    assert {k: v.tolist() for k, v in loaded.tensors.items()} == {
        k: v.tolist() for k, v in ranker_file().tensors.items()
    }
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_ranker_refuses_another_encoder() -> None:
    file = ranker_file()
    file.require_encoder("e" * 64)
    with pytest.raises(RankerMismatch, match="another encoder"):
        file.require_encoder("f" * 64)
    with pytest.raises(RankerMismatch, match="gives 7"):
        file.require_width(7)
    with pytest.raises(RankerMismatch, match="none of its encoder's 254 tokens"):
        FORM.require_vocabulary(254)


def _card(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda card: card.update(changes)


def _form(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda card: card["form"].update(changes)


@pytest.mark.parametrize(
    "damage",
    [
        _form(n_source=0), _form(source=-1), _form(begin="x"), _form(separator=True),
        _form(n_candidate=2**40), _form(other=1), _card(form=None), _card(form=[]),
        _card(measures=[]), _card(measures="ab"), _card(measures=[1]), _card(measures=["one"]),
        _card(encoder_sha256=5), _card(seed="x"), _card(metrics=[]),
    ],
)  # fmt: skip
def test_a_damaged_card_is_refused(
    tmp_path: Path, damage: Callable[[dict[str, Any]], None]
) -> None:
    path = tmp_path / FILE
    save_ranker_file(ranker_file(), path)
    data = path.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    card = json.loads(header["__metadata__"]["card"])
    damage(card)
    header["__metadata__"]["card"] = json.dumps(card)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[end:])
    with pytest.raises(RankerMismatch, match=r"convert ranker"):
        load_ranker_file(path)


def test_wrong_tensors_and_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / FILE
    file = ranker_file()
    wrong: list[dict[str, Any]] = [
        {**file.tensors, "bias": np.full(2, np.nan, np.float32)},
        {**file.tensors, "bias": np.zeros(3, np.float32)},
        {**file.tensors, "more": np.zeros(3, np.float32)},
        {k: v for k, v in file.tensors.items() if k != "hidden_bias"},
        {**file.tensors, "bias": np.zeros(2, np.float64)},
    ]
    for tensors in wrong:
        save_ranker_file(RankerFile(tensors, CARD), path)
        with pytest.raises(RankerMismatch):
            load_ranker_file(path)
    for data in (b"", b"\xff" * 64, FORMAT.encode()):
        path.write_bytes(data)
        with pytest.raises(RankerMismatch, match="not a ranker file"):
            load_ranker_file(path)


def test_a_folder_without_a_ranker_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(LocalcollabError, match="no such ranker file"):
        load_pairranker(tmp_path)
    save_ranker_file(ranker_file(), tmp_path / FILE)
    with pytest.raises(LocalcollabError, match=r"holds no encoder\.gguf"):
        load_pairranker(tmp_path)
