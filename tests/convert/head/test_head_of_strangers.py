"""A head across vocabularies: trained on words, and asked at word starts by the team that runs."""

import json
from pathlib import Path

import numpy as np
import pytest

from localcollab.llama.options import Options
from localcollab.methods.heads import load_head
from localcollab.methods.word_team import WordTeam
from localcollab.teams.choice import TeamChoice
from localcollab.teams.open import open_team
from localcollab_convert.head.make import make_head
from localcollab_convert.head.request import HeadRequest, HeadResult

pytestmark = [pytest.mark.weights, pytest.mark.slow]

STORIES = [
    "Once upon a time there was a little girl who liked to play in the park with her dog.",
    "Tom saw a big red ball. He wanted to play with it, but it was too far up in the tree.",
    "The sun was warm. Lily and her mom went to the beach and made a castle of sand.",
    "One day a bird came to the window. It sang a song, and the boy was very happy.",
]
SUMS = [f"{a} x {b} = {a * b}." for a in (3, 4, 5) for b in (30, 45)]


def test_a_head_of_two_vocabularies_is_trained_and_weighs_the_words(
    tmp_path: Path, stories: Path
) -> None:
    data, valid = tmp_path / "train.jsonl", tmp_path / "valid.jsonl"
    lines = [json.dumps({"text": text}) + "\n" for text in (*STORIES, *SUMS)]
    data.write_text("".join(lines[::2]))
    valid.write_text("".join(lines[1::2]))
    choice = TeamChoice(base="arithmetic", experts=(stories,))
    request = HeadRequest(
        plan=choice.plan(), data=data, valid=valid, out=tmp_path / "head.safetensors",
        work=tmp_path / "work", width=4, metric="logprob", n_ctx=128,
    )  # fmt: skip
    result = make_head(request, lambda progress: None, lambda note: None)
    assert isinstance(result, HeadResult)
    nll = result.training.nll
    assert nll["oracle"] < nll["head"] < min(nll["base"], nll["expert 1"], nll["mixture"])

    head = load_head(result.path)
    opened = TeamChoice(base="arithmetic", experts=(stories,), head=result.path, compose=True)
    with_head = open_team(opened.plan(), Options(n_ctx=128)).model
    assert isinstance(with_head, WordTeam)
    tokens = with_head.vocabulary.encode(STORIES[0])
    states = with_head.base.read(tokens, hidden=True).hidden
    p_defer = with_head.read(tokens).p_defer
    assert states is not None
    assert p_defer is not None
    np.testing.assert_allclose(p_defer, head.p_defer(states), atol=1e-5)
    assert p_defer[0, 0] > 0.5  # a story, not a sum
