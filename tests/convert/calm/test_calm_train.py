"""A bridge's training: resumed it gives the same bits, and the models stay as they are."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from localcollab.errors import BadOption
from localcollab.methods.bridges import LayerPair
from localcollab.teams.plan import Member
from localcollab_convert.calm.composition import Composition
from localcollab_convert.calm.request import BridgeRequest, Recipe
from localcollab_convert.calm.train import BridgeTraining, batches_of_epoch, pad
from localcollab_convert.export.examples import Example
from random_llama import N_VOCAB, random_llama

pytestmark = pytest.mark.slow

RECIPE = Recipe(n_inner=16, n_heads=2, n_steps=9, batch=3, warmup_steps=2, eval_every=3)


def example(n: int) -> Example:
    """Random tokens; the answer is the three after the first half."""
    tokens = np.random.default_rng(n).integers(3, N_VOCAB, 8 + n % 5).tolist()
    return Example(f"line {n}", n, tuple(tokens), ((4, 7),))


EXAMPLES = [example(n) for n in range(10)]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """These models are so small that threads would only wait for each other."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.fixture
def composition() -> Composition:
    torch.manual_seed(0)
    layers = (LayerPair(0, 1, 0), LayerPair(0, 0, 1))
    return Composition(random_llama(0, n_embd=32), [random_llama(1, n_embd=16)], layers, 16, 2)


def training(composition: Composition, path: Path, recipe: Recipe = RECIPE) -> BridgeTraining:
    return BridgeTraining(composition, EXAMPLES[:7], EXAMPLES[7:], recipe, path)


def trained_bits(composition: Composition) -> bytes:
    return b"".join(p.detach().numpy().tobytes() for p in composition.pairs.parameters())


def test_a_training_that_was_cut_off_gives_the_bits_of_one_that_was_not(
    composition: Composition, tmp_path: Path
) -> None:
    fresh = {k: v.clone() for k, v in composition.pairs.state_dict().items()}
    whole = training(composition, tmp_path / "whole.pt")
    whole.run(lambda step, loss, best: None)
    bits = trained_bits(composition)
    composition.pairs.load_state_dict(fresh)
    cut = training(composition, tmp_path / "cut.pt")

    def stop(step: int, loss: float, best: float) -> None:
        if step == 5:
            cut.save()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut.run(stop)
    composition.pairs.load_state_dict(fresh)
    resumed = training(composition, tmp_path / "cut.pt")
    resumed.run(lambda step, loss, best: None)
    assert resumed.curve == whole.curve
    assert trained_bits(composition) == bits


@pytest.mark.parametrize("damage", [b"", b"garbage", b"PK\x03\x04\x00"])
def test_a_damaged_checkpoint_is_said_and_may_be_deleted(
    composition: Composition, tmp_path: Path, damage: bytes
) -> None:
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(damage)
    with pytest.raises(BadOption, match=r"checkpoint\.pt: damaged checkpoint .*: delete the file"):
        training(composition, path).run(lambda step, loss, best: None)


def test_only_the_bridge_learns(composition: Composition, tmp_path: Path) -> None:
    models = [composition.anchor, composition.augmenting]
    before = [p.detach().clone() for model in models for p in model.parameters()]
    bridge = trained_bits(composition)
    training(composition, tmp_path / "c.pt").run(lambda step, loss, best: None)
    after = [p for model in models for p in model.parameters()]
    for old, new in zip(before, after, strict=True):
        torch.testing.assert_close(new, old, rtol=0, atol=0)
        assert new.grad is None
    assert trained_bits(composition) != bridge


def test_the_bridge_of_the_lowest_validation_loss_is_kept(
    composition: Composition, tmp_path: Path
) -> None:
    """At this rate the training soon makes things worse, and ends early."""
    wild = Recipe(
        n_inner=16, n_heads=2, n_steps=90, batch=3, warmup_steps=1, eval_every=2, patience=3,
        learning_rate=0.3,
    )  # fmt: skip
    run = training(composition, tmp_path / "c.pt", wild)
    best = run.run(lambda step, loss, best: None)
    losses = [point.valid_loss for point in run.curve]
    assert best == min(losses) < losses[-1]
    assert run.step < wild.n_steps
    assert run.measure() == pytest.approx(best, rel=1e-6)


def test_the_first_point_of_the_curve_is_the_anchor_alone(
    composition: Composition, tmp_path: Path
) -> None:
    run = training(composition, tmp_path / "c.pt")
    run.run(lambda step, loss, best: None)
    composition.is_on = False
    assert run.measure() == pytest.approx(run.curve[0].valid_loss, rel=1e-6)


def test_only_answer_tokens_are_wanted_and_padding_stands_behind() -> None:
    short = Example("a", 0, (9, 8, 7, 6), ((2, 4),))
    long = Example("b", 1, (1, 2, 3, 4, 5, 6), ((0, 2), (5, 6)))
    tokens, targets = pad([short, long])
    assert tokens.tolist() == [[9, 8, 7, 6, 0, 0], [1, 2, 3, 4, 5, 6]]
    assert targets.tolist() == [[-100, 7, 6, -100, -100, -100], [2, -100, -100, -100, 6, -100]]


def test_an_epoch_takes_every_example_once_and_the_next_in_another_order() -> None:
    first, again, second = (batches_of_epoch(EXAMPLES, 3, (0, epoch)) for epoch in (0, 0, 1))
    assert first == again != second
    for batches in (first, second):
        assert sorted(e.unit for batch in batches for e in batch) == list(range(10))
        assert sorted(map(len, batches)) == [1, 3, 3, 3]


def request(**options: object) -> BridgeRequest:
    member = Member("m", Path("nowhere"))
    return BridgeRequest(
        anchor=member, augmenting=(member,), data=member.path, work=member.path,
        out=Path("nowhere.safetensors"), **options,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("n_anchor", "n_augmenting", "n_pairs", "expected"),
    [
        (5, 4, None, [(0, 0), (2, 2), (3, 3)]),
        (5, 5, 4, [(0, 0), (1, 1), (3, 2), (4, 3)]),
        (32, 24, None, [(2, 3), (5, 7), (8, 11), (11, 15), (14, 18), (17, 22), (20, 26), (23, 30)]),
        (3, 2, None, [(0, 0), (1, 1)]),
        (2, 2, None, [(1, 0)]),
    ],
)
def test_layer_pairs_are_spread_up_to_the_last_of_one_and_the_last_but_one_of_the_other(
    n_anchor: int, n_augmenting: int, n_pairs: int | None, expected: list[tuple[int, int]]
) -> None:
    pairs = request(n_pairs=n_pairs).pairs(n_anchor, [n_augmenting, n_augmenting])
    assert [(p.source, p.target) for p in pairs if p.model == 1] == expected
    assert len(pairs) == 2 * len(expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_pairs": 5}, "`n_pairs` is 5, and these models have 4 and 5 layers: give 1 to 4"),
        ({"n_pairs": 0}, "`n_pairs` is 0, and these models have 4 and 5 layers: give 1 to 4"),
        (
            {"layers": ((4, 0),)},
            "`layers` has 4:0, which is out of range: the augmenting model's layers go from 0 to 3",
        ),
        ({"layers": ((0, 4),)}, "the anchor's from 0 to 3"),
    ],
)
def test_layers_that_cannot_be_joined_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(BadOption, match=message):
        request(**options).pairs(5, [4])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_inner": 10}, "`n_inner` is 10, and `n_heads` is 4: give a multiple"),
        ({"n_heads": 0}, "`n_heads` is 0"),
        ({"n_steps": 0}, "`n_steps` is 0"),
        ({"batch": 0}, "`batch` is 0"),
        ({"seed": -1}, "`seed` is -1"),
        ({"learning_rate": 0.0}, "`learning_rate` is 0.0"),
    ],
)
def test_a_recipe_out_of_range_is_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(BadOption, match=message):
        Recipe(**options)
