from pathlib import Path

import numpy as np
import pytest

from fakes import END, ScriptedModel
from head_tables import make_table
from localcollab.errors import BadOption
from localcollab.methods.heads import Head, HeadMetadata
from localcollab.teams.plan import Member, TeamPlan
from localcollab_convert.export.examples import Example
from localcollab_convert.head.calibrate import (
    Calibration,
    choose_best,
    choose_examples,
    choose_thresholds,
    measure_text,
    score_answer,
)
from localcollab_convert.head.request import HeadRequest, Point

pytestmark = pytest.mark.slow

METADATA = HeadMetadata("a", ("b",), "v", "d")


def head_with_p(p: float) -> Head:
    """Defers with probability `p`, whatever the state."""
    logit = np.log(p / (1 - p))
    return Head(
        {"weight": np.zeros((1, 4), np.float32), "bias": np.array([logit], np.float32)}, METADATA
    )


def calibration(p: float) -> Calibration:
    """The base answers "no", the expert "yes", which is right."""
    base, expert = ScriptedModel(b"no", name="base"), ScriptedModel(b"yes", name="expert")
    example = Example("line 1", 0, (0, *b"yes", END), ((1, 5),), "talk", "yes")
    return Calibration(base, [expert], head_with_p(p), [example], "exact")


def test_quantile_thresholds_give_their_deferral_rates() -> None:
    p = np.random.default_rng(0).random(1000, dtype=np.float32)
    rates = sorted(float((p > t).mean()) for t in choose_thresholds(p) if t != 0.5)
    np.testing.assert_allclose(rates, [r / 10 for r in range(10)], atol=1e-12)


def test_one_half_is_always_tried() -> None:
    assert 0.5 in choose_thresholds(np.linspace(0.1, 0.2, 50))


def test_of_equal_thresholds_the_one_that_asks_least_wins() -> None:
    points = [
        Point(t, m, rate) for t, m, rate in ((0.1, 0.9, 0.5), (0.4, 0.9, 0.3), (0.7, 0.8, 0.2))
    ]
    assert choose_best(points).threshold == 0.4


def test_below_its_probability_the_expert_answers() -> None:
    run = calibration(0.7)
    point = run.summarize(0.6, run.answer_all(0.6, [], lambda n: None))
    assert (point.metric, point.deferral_rate, point.by_kind) == (1.0, 1.0, {"talk": 1.0})


def test_above_its_probability_the_base_answers() -> None:
    run = calibration(0.7)
    point = run.summarize(0.8, run.answer_all(0.8, [], lambda n: None))
    assert (point.metric, point.deferral_rate) == (0.0, 0.0)


def test_the_base_alone_tells_what_the_head_would_have_said() -> None:
    p = calibration(0.7).answer_alone(lambda n: None)[1]
    np.testing.assert_allclose(p, [0.7] * 3, atol=1e-6)  # n, o and the end


def test_an_answer_is_generated_once_for_all_thresholds_that_lead_to_it() -> None:
    run = calibration(0.7)
    first = run.answer_all(0.2, [], lambda n: None)
    reads = len(run.base.reads)  # type: ignore[attr-defined]
    assert run.answer_all(0.3, [first], lambda n: None) == first
    assert len(run.base.reads) == reads + 1  # type: ignore[attr-defined]  # the one that forgets


def test_an_answer_is_generated_anew_where_another_member_would_write() -> None:
    run = calibration(0.7)
    first = run.answer_all(0.2, [], lambda n: None)
    assert run.answer_all(0.8, [first], lambda n: None)[0].score == 0.0


def test_white_space_does_not_make_an_answer_wrong() -> None:
    assert score_answer(" a  b\n", "a b", "exact") == 1.0


def test_token_f1_counts_shared_words() -> None:
    assert score_answer("a b c", "b c d d", "f1") == pytest.approx(2 * 2 / 7)


def test_text_is_scored_by_the_chosen_member_alone() -> None:
    table = make_table(50, n_experts=1)
    head = Head(
        {"weight": np.zeros((1, 6), np.float32), "bias": np.array([1.0], np.float32)}, METADATA
    )
    found = {point.threshold: point.metric for point in measure_text(head, table)}
    assert found[0.5] == pytest.approx(float(table.logprobs[:, 1].mean()))


def test_the_same_seed_chooses_the_same_examples() -> None:
    examples = [Example(str(n), n, (1, 2), ((1, 2),)) for n in range(20)]
    chosen = choose_examples(examples, 5, 3)
    assert (len(chosen), chosen) == (5, choose_examples(examples, 5, 3))


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(BadOption, match="choose one of exact, f1, logprob"):
        HeadRequest(
            plan=TeamPlan("t", (Member("base", Path("b")), Member("e", Path("e")))),
            data=Path("data.jsonl"), out=Path("h.safetensors"), work=Path("w"),
            metric="bleu",  # type: ignore[arg-type]
        )  # fmt: skip
