from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fakes import N_VOCAB, ScriptedModel
from localcollab.errors import BadOption
from localcollab.language_model import OnChunk, Reading
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import always
from localcollab.methods.logits import contrasted, mixed, proxy_tuned

finite = hnp.arrays(np.float32, (3, 4), elements=st.floats(-20, 20, width=32))
holes = hnp.arrays(np.bool_, (3, 4))


class FixedModel(ScriptedModel):
    """Says the given row over its first tokens, and nothing else is possible."""

    def __init__(self, row: np.ndarray, name: str) -> None:
        super().__init__([], name=name)
        self.row = np.full(N_VOCAB, -np.inf, np.float32)
        self.row[: len(row)] = row

    def read(
        self, tokens: Sequence[int], *, last: int = 1, hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:  # fmt: skip
        self.reads.append((len(tokens), last))
        return Reading(np.tile(self.row, (last, 1)))


def models(rows: np.ndarray) -> list[FixedModel]:
    names = ("one", "two", "three")[: len(rows)]
    return [FixedModel(row, name) for row, name in zip(rows, names, strict=True)]


def normalized(logits: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.asarray(logits - np.log(np.exp(logits).sum()))


def with_holes(rows: np.ndarray, missing: np.ndarray) -> np.ndarray:
    rows = np.where(missing, np.float32(-np.inf), rows)
    rows[:, 0] = np.where(
        np.isneginf(rows).all(axis=1), 0, rows[:, 0]
    )  # every model says something
    return rows


@given(finite, holes)
def test_proxy_tuning_with_alpha_0_is_the_base_bit_for_bit(
    rows: np.ndarray, missing: np.ndarray
) -> None:
    base, expert, antiexpert = models(with_holes(rows, missing))
    team = proxy_tuned("t", base, expert, antiexpert, alpha=0.0)
    np.testing.assert_array_equal(team.read([1]).logits, base.read([1]).logits)


@given(finite, holes, st.floats(-3, 3))
def test_proxy_tuning_with_equal_expert_and_antiexpert_is_the_base_bit_for_bit(
    rows: np.ndarray, missing: np.ndarray, alpha: float
) -> None:
    rows = with_holes(rows, missing)
    base, expert, antiexpert = models(np.stack([rows[0], rows[1], rows[1]]))
    team = proxy_tuned("t", base, expert, antiexpert, alpha=alpha)
    np.testing.assert_array_equal(team.read([1]).logits, base.read([1]).logits)


@given(finite, st.floats(-3, 3))
def test_proxy_tuning_is_its_formula(rows: np.ndarray, alpha: float) -> None:
    team = proxy_tuned("t", *models(rows), alpha=alpha)
    wide = rows.astype(np.float64)
    want = wide[0] + alpha * (wide[1] - wide[2])
    got = team.read([1]).logits[0, :4].astype(np.float64)
    np.testing.assert_allclose(normalized(got), normalized(want), atol=1e-4)


@given(finite, st.floats(0, 2), st.floats(0.01, 1))
def test_contrast_equals_brute_force(rows: np.ndarray, beta: float, cut: float) -> None:
    expert, amateur, _ = models(rows)
    team = contrasted("t", expert, amateur, beta=beta, cut=cut)
    e, a = rows[0].astype(np.float64), rows[1].astype(np.float64)
    p = np.exp(e) / np.exp(e).sum()
    near = np.isclose(p, cut * p.max(), rtol=1e-4)  # float32 may fall on either side
    if near[p < p.max()].any():
        return
    got = team.read([1]).logits[0, :4].astype(np.float64)
    want = np.where(p >= cut * p.max(), (1 + beta) * e - beta * a, -np.inf)
    np.testing.assert_allclose(normalized(got), normalized(want), atol=1e-4)


@pytest.mark.parametrize("of_logs", [False, True])
@given(rows=finite, weights=st.lists(st.floats(0.01, 5), min_size=3, max_size=3))
def test_mixtures_equal_brute_force(of_logs: bool, rows: np.ndarray, weights: list[float]) -> None:
    team = mixed("t", models(rows), weights, of_logs=of_logs)
    p = np.exp(rows.astype(np.float64))
    p /= p.sum(axis=1, keepdims=True)
    w = np.array(weights) / sum(weights)
    want = np.exp(w @ np.log(p)) if of_logs else w @ p
    got = np.exp(team.read([1]).logits[0, :4].astype(np.float64))
    np.testing.assert_allclose(got, want / want.sum() if of_logs else want, rtol=1e-3, atol=1e-9)


@given(rows=finite, missing=holes, zeros=st.lists(st.booleans(), min_size=3, max_size=3))
def test_a_member_of_weight_0_says_nothing_even_where_it_alone_knows_a_token(
    rows: np.ndarray, missing: np.ndarray, zeros: list[bool]
) -> None:
    assume(not all(zeros))
    everyone = models(with_holes(rows, missing))
    weights = [0.0 if is_zero else 1.0 for is_zero in zeros]
    heard = [m for m, is_zero in zip(everyone, zeros, strict=True) if not is_zero]
    got = mixed("t", everyone, weights).read([1]).logits
    np.testing.assert_allclose(got, mixed("t", heard).read([1]).logits, atol=1e-5)


@pytest.mark.parametrize("weight", [1e308, 5e-324])
def test_weights_of_any_size_count_by_their_proportions(weight: float) -> None:
    rows = np.array([[2, 2, 0, 0], [0, 9, 0, 0], [0, 0, 0, 0]], np.float32)
    team = mixed("t", models(rows), [weight] * 3)
    np.testing.assert_array_equal(team.read([1]).logits, mixed("t", models(rows)).read([1]).logits)


def test_logs_of_members_that_share_no_token_cannot_be_mixed() -> None:
    nothing = -np.inf
    rows = np.array([[2, 2, nothing, nothing], [nothing, nothing, 1, 1]], np.float32)
    team = mixed("t", models(rows), of_logs=True)
    with pytest.raises(BadOption, match="'t' mixes log-probabilities, but no token is known"):
        team.read([1])


def test_a_weight_too_small_for_float32_is_none() -> None:
    rows = np.array([[2, 2, 0, 0], [0, 9, 0, -np.inf]], np.float32)
    for of_logs in (False, True):
        team = mixed("t", models(rows), [1.0, 1e-60], of_logs=of_logs)
        alone = mixed("t", models(rows[:1]), of_logs=of_logs)
        np.testing.assert_array_equal(team.read([1]).logits, alone.read([1]).logits)


def test_members_are_read_together_each_token_once() -> None:
    base, expert, antiexpert = models(np.zeros((3, 4), np.float32))
    team = proxy_tuned("t", base, expert, antiexpert)
    for n in (1, 2, 3):
        team.read([1] * n)
    assert base.reads == expert.reads == antiexpert.reads == [(1, 1), (2, 1), (3, 1)]


@pytest.mark.parametrize("factor", [1e39, -1e39, 1001, float("nan"), float("inf")])
def test_factors_beyond_all_logits_are_refused(factor: float) -> None:
    rows = np.zeros((3, 4), np.float32)
    with pytest.raises(BadOption, match=r"alpha is .*: give a number from -1000 to 1000"):
        proxy_tuned("t", *models(rows), alpha=factor)
    with pytest.raises(BadOption, match=r"beta is .*: give a number from -1000 to 1000"):
        contrasted("t", *models(rows[:2]), beta=factor)


def test_a_team_over_other_readers_says_the_same_and_leaves_the_first_alone() -> None:
    rows = np.array([[2, 2, 0, 0], [0, 9, 0, 0], [0, 0, 0, 0]], np.float32)
    team = proxy_tuned("t", *models(rows), alpha=0.5)
    before = team.read([1]).logits
    other = team.over(lambda model: next(m for m in models(rows) if m.name == model.name))
    np.testing.assert_array_equal(other.read([1]).logits, before)
    assert all(len(m.reads) == 1 for m in team.members.values() if isinstance(m, FixedModel))


@given(finite, holes, st.floats(-2, 2))
def test_a_token_that_expert_or_antiexpert_lacks_is_the_bases_alone(
    rows: np.ndarray, missing: np.ndarray, alpha: float
) -> None:
    rows = with_holes(rows, missing)
    team = proxy_tuned("t", *models(rows), alpha=alpha)
    got = team.read([1]).logits[0, :4].astype(np.float64)
    wide = rows.astype(np.float64)
    known = np.isfinite(wide[1]) & np.isfinite(wide[2])
    with np.errstate(invalid="ignore"):
        gained = alpha * (normalized(wide[1]) - normalized(wide[2]))
        want = np.where(known, wide[0] + gained, wide[0])
    np.testing.assert_allclose(normalized(got), normalized(want), atol=1e-4)


@pytest.mark.parametrize("shift", [-20.0, 20.0])
def test_the_origin_of_a_members_logits_counts_for_nothing(shift: float) -> None:
    """A llama.cpp model's stand around 15, a lifted one's are log-probabilities."""
    rows = np.array([[2, 2, 0, 0], [0, 3, 0, -np.inf], [1, 0, 0, 0]], np.float32)
    moved = rows + np.array([[0], [shift], [0]], np.float32)
    for found, other in zip(steered(rows), steered(moved), strict=True):
        np.testing.assert_allclose(normalized(found), normalized(other), atol=1e-4)


def steered(rows: np.ndarray) -> list[np.ndarray]:
    one, two, three = models(rows)
    teams = proxy_tuned("p", one, two, three), contrasted("c", two, one, cut=0.01)
    return [team.read([1]).logits[0, :4] for team in teams]


def test_the_author_is_who_made_the_token_likelier() -> None:
    rows = np.array([[2, 2, 0, 0], [0, 9, 0, 0], [0, 0, 0, 0]], np.float32)
    team = proxy_tuned("t", *models(rows))
    reading = team.read([1])
    assert [team.attribute(reading, token) for token in (0, 1)] == ["one", "two"]
    mixture = mixed("t", models(rows))
    assert [mixture.attribute(mixture.read([1]), token) for token in (1, 2)] == ["two", "three"]


def test_a_proxy_tuned_model_can_be_the_expert_of_a_deferral_team() -> None:
    rows = np.array([[2, 2, 0, 0], [0, 9, 0, 0], [0, 0, 0, 0]], np.float32)
    expert = proxy_tuned("expert", *models(rows))
    team = DeferralTeam("t", ScriptedModel(b"z"), [expert], always(1))
    reading = team.read([1])
    np.testing.assert_array_equal(reading.logits, expert.read([1]).logits)
    assert team.attribute(reading, 1) == "expert/two"


@pytest.mark.parametrize(
    "weights", [[1.0], [1.0, -1.0, 1.0], [0.0, 0.0, 0.0], [1, 1, float("nan")]]
)
def test_weights_that_make_no_mixture_are_refused(weights: list[float]) -> None:
    with pytest.raises(BadOption, match="weights"):
        mixed("t", models(np.zeros((3, 4), np.float32)), weights)
