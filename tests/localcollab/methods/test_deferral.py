import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import N_VOCAB, ScriptedModel
from localcollab.errors import BadOption
from localcollab.language_model import Float32Array, log_softmax
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import always, never, parse_gate, random_gate, softmax_gate


def team_of(
    gate_rates: list[list[float]] | None = None, *, compose: bool = False, threshold: float = 0.5
) -> tuple[DeferralTeam, ScriptedModel, ScriptedModel, ScriptedModel]:
    """Two experts; `gate_rates[i]` is p_defer after i+1 tokens."""
    base, one, two = (
        ScriptedModel(bytes([65 + i] * 40), name=name)
        for i, name in enumerate(("base", "one", "two"))
    )
    rates = np.array(gate_rates or [[0.0, 0.0]] * 64, np.float32)
    calls: list[int] = []

    def p_defer(hidden: Float32Array) -> Float32Array:
        calls.append(len(hidden))
        n_tokens = base.reads[-1][0]
        return rates[n_tokens - len(hidden) : n_tokens]

    gate = softmax_gate(p_defer)
    return (
        DeferralTeam("t", base, [one, two], gate, threshold=threshold, compose=compose),
        base,
        one,
        two,
    )


def test_a_run_that_never_defers_never_reads_an_expert() -> None:
    team, base, one, two = team_of()
    for n in range(1, 20):
        team.read([1] * n)
    assert (len(base.reads), one.reads, two.reads) == (19, [], [])


def test_the_likeliest_expert_writes_where_the_experts_share_exceeds_the_threshold() -> None:
    team, _, one, two = team_of([[0.2, 0.2], [0.3, 0.25], [0.1, 0.6]])
    authors = [team.attribute(team.read([1] * n), 0) for n in (1, 2, 3)]
    assert (authors, one.reads, two.reads) == (["base", "one", "two"], [(2, 1)], [(3, 1)])


def test_the_base_writes_where_the_share_equals_the_threshold() -> None:
    team, *_ = team_of([[0.25, 0.25], [1, 0]])
    assert team.attribute(team.read([1]), 0) == "base"
    nobody, *_ = team_of([[1, 0]], threshold=1)
    assert nobody.attribute(nobody.read([1]), 0) == "base"


def test_an_expert_is_asked_for_all_its_rows_in_one_read() -> None:
    team, _, one, _ = team_of([[0.0, 0.0], [1, 0], [0, 0], [1, 0]])
    reading = team.read([1, 1, 1, 1], last=4)
    writers = [chr(int(row.argmax())) for row in reading.logits]
    assert (writers, one.reads) == (["A", "B", "A", "B"], [(4, 3)])


def test_last_zero_asks_no_expert() -> None:
    team, base, one, two = team_of([[1, 0]] * 3)
    reading = team.read([1, 1, 1], last=0)
    assert (reading.logits.shape, base.reads, one.reads, two.reads) == (
        (0, N_VOCAB),
        [(3, 0)],
        [],
        [],
    )


def test_the_hidden_state_a_gate_needed_is_not_handed_out_unasked() -> None:
    team, *_ = team_of()
    assert team.read([1]).hidden is None
    assert team.read([1], hidden=True).hidden is not None


def test_compose_is_the_mixture_of_all_members() -> None:
    pi = np.array([0.2, 0.5, 0.3])
    team, base, one, two = team_of([[0.5, 0.3]], compose=True)
    reading = team.read([1])
    p = [np.exp(log_softmax(m.read([1]).logits[0].astype(np.float64))) for m in (base, one, two)]
    np.testing.assert_allclose(np.exp(reading.logits[0]), pi @ np.array(p), rtol=1e-5)
    assert [team.attribute(reading, ord(c)) for c in "ABC"] == ["base", "one", "two"]


def test_the_author_in_a_nested_team_is_a_path() -> None:
    inner_base, inner_expert = ScriptedModel(b"x", name="mild"), ScriptedModel(b"y", name="anti")
    inner = DeferralTeam("expert", inner_base, [inner_expert], always(1))
    outer = DeferralTeam("t", ScriptedModel(b"z"), [inner], always(1))
    reading = outer.read([1])
    assert outer.attribute(reading, ord("y")) == "expert/anti"


def test_members_of_one_name_are_refused() -> None:
    with pytest.raises(BadOption, match="members of the same name"):
        DeferralTeam("t", ScriptedModel(b"a"), [ScriptedModel(b"b")], never(1))


@pytest.mark.parametrize(
    "text", ["sometimes", "random", "random(2)", "random(x)", "random(0.1", ""]
)
def test_an_unknown_gate_is_refused(text: str) -> None:
    with pytest.raises(BadOption, match=r"random\("):
        parse_gate(text, 1)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_outside_0_to_1_is_refused(threshold: float) -> None:
    with pytest.raises(BadOption, match="threshold"):
        DeferralTeam(
            "t", ScriptedModel(b"a"), [ScriptedModel(b"b", name="e")], never(1), threshold=threshold
        )


@given(rate=st.floats(0, 1), seed=st.integers(0, 2**31), split=st.integers(1, 1999))
def test_the_random_gate_is_a_pure_function_of_seed_and_position(
    rate: float, seed: int, split: int
) -> None:
    gate = random_gate(rate, 3, seed=seed)
    model = ScriptedModel([])
    whole = gate.defer(model.read([0] * 2000, last=2000), 2000)
    parts = [
        gate.defer(model.read([0] * n, last=k), n)
        for n, k in ((split, split), (2000, 2000 - split))
    ]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert abs(whole.sum(axis=1).mean() - rate) < 0.06


def test_untrained_gates_match_their_definition() -> None:
    p = np.array([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]])
    with np.errstate(divide="ignore"):
        reading = ScriptedModel([]).read([0])._replace(logits=np.log(p).astype(np.float32))
    entropy = parse_gate("entropy", 1).defer(reading, 2)[:, 0]
    margin = parse_gate("margin", 1).defer(reading, 2)[:, 0]
    np.testing.assert_allclose(entropy, [1 - 2**-1.5, 0], atol=1e-6)
    np.testing.assert_allclose(margin, [0.75, 0], atol=1e-6)


@given(
    rows=st.lists(
        st.lists(st.floats(0, 1, width=32), min_size=2, max_size=2), min_size=2, max_size=6
    ),
    threshold=st.sampled_from([0.0, 0.25, 0.3, 0.5, 1.0]) | st.floats(0, 1),
)
def test_one_row_is_decided_as_one_of_many(rows: list[list[float]], threshold: float) -> None:
    base, *experts = (ScriptedModel(b"", name=name) for name in ("base", "one", "two"))
    team = DeferralTeam("t", base, experts, always(2), threshold=threshold)
    p_defer = np.array(rows, np.float32)
    alone = [int(team.authors(row[None])[0]) for row in p_defer]
    assert alone == team.authors(p_defer).tolist()
