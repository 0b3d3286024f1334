"""The shipped composition answers, and PyTorch answers the same on the same files."""

from typing import NamedTuple

import pytest
import torch

from localcollab.catalog import SHIPPED, load_catalog
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.evaluation.data import read_questions
from localcollab.evaluation.questions import is_right
from localcollab.events import Finished
from localcollab.methods.bridges import load_bridge
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import plan_from_catalog
from localcollab.teams.session import Session
from localcollab_convert.calm.composition import Composition
from localcollab_convert.calm.models import load_frozen

pytestmark = [pytest.mark.weights, pytest.mark.slow]
N_PROMPTS = 200
FILES = SHIPPED / "formulary"


class Answered(NamedTuple):
    prompt: list[int]
    tokens: list[int]
    """With the end token, where the answer came to one."""
    is_right: bool


@pytest.fixture(scope="module")
def team() -> OpenTeam:
    catalog = load_catalog()
    return open_team(plan_from_catalog(catalog, catalog.team("formulary-calm")))


@pytest.fixture(scope="module")
def answers(team: OpenTeam) -> list[Answered]:
    """Of the runtime, greedily, to medicines that the bridge never saw."""
    found = []
    for question in read_questions(FILES / "test.jsonl")[:N_PROMPTS]:
        prompt = list(Session(team).prompt(question.text))
        done = list(generate(team.model, prompt, limits=Limits(64)))[-1]
        assert isinstance(done, Finished)
        end = [int(team.model.read([*prompt, *done.tokens]).logits[-1].argmax())]
        tokens = [*done.tokens, *(end if done.reason == "end" else [])]
        found.append(Answered(prompt, tokens, is_right(done.text, question.gold)))
    return found


def test_nine_of_ten_answers_about_unseen_medicines_are_right(answers: list[Answered]) -> None:
    """None of the members alone gets one in ten."""
    assert sum(answer.is_right for answer in answers) >= 0.9 * N_PROMPTS


@torch.no_grad()
def test_pytorch_writes_the_same_answers(answers: list[Answered]) -> None:
    """Token by token PyTorch would have chosen what the runtime wrote: so it writes the same."""
    bridge = load_bridge(FILES / "calm.safetensors")
    anchor, *augmenting = (
        load_frozen(FILES / f"{name}.gguf", 10**7, torch.device("cpu"))
        for name in ("base", "formulary", "arithmetic")
    )
    about, width = bridge.metadata, bridge.pairs[0].n_inner
    composition = Composition(anchor, augmenting, about.pairs, width, about.n_heads, about.slopes)
    composition.load(bridge.pairs)
    same = 0
    for answer in answers:
        logits = composition(torch.tensor([[*answer.prompt, *answer.tokens[:-1]]]))[0]
        same += logits[len(answer.prompt) - 1 :].argmax(dim=1).tolist() == answer.tokens
    assert same >= 0.98 * N_PROMPTS
