"""What a draft promises: its acceptance on a text, and the speed that follows from measured costs."""

import pytest

from fakes import ScriptedModel
from localcollab.bench.drafting import acceptance, speeds
from localcollab.decoding.speculation import Draft


def test_acceptance_is_the_share_of_tokens_that_it_would_have_proposed() -> None:
    draft = Draft(ScriptedModel(b"abcdefgh", n_prompt=2))
    assert acceptance(draft, [([1, 2, *b"abXdefgX"], 2), ([1, 2, *b"X"], 2)]) == 6 / 9
    assert acceptance(draft, [([1, 2], 2)]) == 0


def test_a_draft_nearly_as_large_as_the_model_promises_a_loss() -> None:
    """Half of its tokens accepted, each at two thirds of the price, two tokens a read at 1.65."""
    found = speeds(0.51, [0, 1, 1.65, 2.0, 2.2, *[2.5] * 13], 0.69)
    assert found[1] == pytest.approx(1.51 / (1.65 + 0.69))
    assert max(found.values()) < 1


def test_a_free_draft_that_is_always_right_gains_what_reading_saves() -> None:
    found = speeds(1.0, [0, *[1.0] * 17], 0.0)
    assert found == {n: n + 1 for n in range(1, 17)}
