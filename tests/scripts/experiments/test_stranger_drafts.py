"""What is said of a draft of another vocabulary, on a target that is known."""

from fakes import ScriptedModel
from localcollab.decoding.speculation import Draft
from stranger_drafts import Answered, answered, report


def test_accepted_tokens_are_counted_and_the_rule_is_checked() -> None:
    target = ScriptedModel(b"abcdefgh" * 4, n_prompt=3)
    draft = Draft(ScriptedModel(b"abXd" * 8, n_prompt=3, name="draft"))
    found = answered(target, draft, [1, 2, 3], 12, 3)
    assert found.keeps_the_rule
    assert found.gap is None
    assert 0 < found.n_accepted < found.n_proposed


def test_a_change_is_reported_with_its_gap() -> None:
    found = [Answered(4, 2, True, None), Answered(4, 4, True, 0.25), Answered(0, 0, True, None)]
    said = report(found)
    assert "accepted 6 of 8 (0.750)" in said
    assert "in 0 answers" in said
    assert "1 (0.333)" in said
    assert "most 0.250" in said
