"""The number of threads may change between two reads; what is computed does not."""

import numpy as np
import pytest

from localcollab.errors import BadOption
from localcollab.llama.options import Options
from localcollab.teams.choice import TeamChoice
from localcollab.teams.open import Files

pytestmark = pytest.mark.weights


def test_threads_change_between_reads_and_the_logits_stay() -> None:
    files = Files(Options())
    team = files.open(TeamChoice(team="formulary-base").plan())
    (context,) = team.contexts
    one = context.read([1, 5, 7]).logits
    for n_threads in (2, 1, None):
        context.set_threads(n_threads)
        context.forget()
        np.testing.assert_allclose(context.read([1, 5, 7]).logits, one, atol=1e-4)
    with pytest.raises(BadOption, match="`n_threads` is 0"):
        context.set_threads(0)
