from localcollab.bench.speculative import Answered
from same_text import Compared, first_difference, prompts, told
from speculation import median_interval, summary
from speculation_forecast import forecast, parse_points


def answered(ratio: float, *, n_tokens: int = 20, is_loop: bool = False) -> Answered:
    return Answered((n_tokens, n_tokens), (10.0, 10.0 * ratio), True, is_loop, 8, 4)


def test_loops_and_short_answers_say_nothing_about_speed() -> None:
    found = summary("chat", [answered(1.2), answered(3.0, is_loop=True), answered(0.5, n_tokens=3)])
    assert (found.n, found.median, found.worst, found.n_loops) == (1, 1.2, 1.2, 1)
    assert (found.proposed, found.accepted) == (0.4, 0.2)


def test_the_interval_holds_the_median() -> None:
    low, high = median_interval([1.0, 1.1, 1.2, 1.3, 1.4] * 8)
    assert 1.1 <= low <= 1.2 <= high <= 1.3


def test_where_two_answers_part() -> None:
    assert first_difference([1, 2, 3], [1, 2, 3]) is None
    assert first_difference([1, 2, 3], [1, 5, 3]) == 1
    assert first_difference([1, 2], [1, 2, 3]) == 2


def test_changed_texts_are_counted_with_their_gaps() -> None:
    same = Compared("a", 10, 4, 3, None, None)
    changed = Compared("b", 10, 4, 3, 7, 0.25)
    assert told([same, changed]).splitlines() == [
        "2 prompts, 20 tokens, 8 proposed, 6 accepted",
        "changed texts: 1",
        "logit gap where they part: median 0.250, largest 0.250",
    ]


def test_there_are_500_different_prompts() -> None:
    assert len(set(prompts("model.gguf", 500, seed=0))) == 500


def test_a_forecast_writes_the_answer_and_is_faster_where_it_repeats_itself() -> None:
    curve = parse_points("1:1,2:1.2,4:1.3,8:1.6,16:2")
    plain, quoting = forecast([list(range(60)), list(range(30)) * 2], curve)
    assert plain == 1.0
    assert quoting > 1.3
