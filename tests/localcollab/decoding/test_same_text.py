"""The same text and the same authors with speculation as without, for every method that writes tokens.

On F32 weights, where the size of a batch changes the last bits only.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.controller import Speculation
from localcollab.decoding.generate import generate
from localcollab.decoding.recent_rows import RecentRows
from localcollab.decoding.sampling import Sampling
from localcollab.decoding.speculation import Draft
from localcollab.events import Finished, Token
from localcollab.language_model import LanguageModel, OnChunk, Reading
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.weights import Weights, load_weights
from localcollab.methods.bridges import Bridge, BridgeMetadata, LayerPair, Pair
from localcollab.methods.calm import CalmModel
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import entropy_gate, random_gate
from localcollab.methods.logits import contrasted, mixed, proxy_tuned
from localcollab.teams.speculating import writer_of
from localcollab.vocabulary import Vocabulary
from tiny_vocabularies import piece_vocabulary

EXACT = Options(flash_attention="off", kv_type="f32", n_ctx=256)
METHODS = (
    "alone", "deferral", "sometimes", "composed", "proxy", "contrast", "mixture", "calm",
)  # fmt: skip
PROMPT = "Once upon a time, there was a little girl. She said: Once upon"


@pytest.fixture(scope="module")
def weights(stories: Path, weak_stories: Path) -> list[Weights]:
    return [load_weights(path, EXACT, extra_buffers=True) for path in (stories, weak_stories)]


def context(weights: Weights, name: str) -> LlamaModel:
    return LlamaModel(weights, EXACT, name=name)


def bridge(n_anchor: int, n_augmenting: int) -> Bridge:
    rng = np.random.default_rng(3)

    def matrix(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.1, shape).astype(np.float32)

    pair = Pair(
        np.ones(n_anchor, np.float32), np.ones(n_augmenting, np.float32), matrix(16, n_anchor),
        matrix(16, n_augmenting), matrix(16, n_augmenting), matrix(n_anchor, 16),
    )  # fmt: skip
    return Bridge((pair,), BridgeMetadata("a", ("b",), "v", (LayerPair(0, 1, 1),), 2))


def opened(method: str, weights: Sequence[Weights]) -> tuple[LanguageModel, LanguageModel]:
    """(the team, its base)."""
    strong, weak = weights
    if method == "calm":
        made = bridge(strong.n_embd, weak.n_embd)
        calm = CalmModel("calm", strong, {"weak": weak}, made, EXACT)
        return calm, calm
    base = context(strong, "base")
    expert, other = context(weak, "expert"), context(weak, "other")
    match method:
        case "deferral":
            return DeferralTeam("t", base, [RecentRows(expert)], entropy_gate(1)), base
        case "sometimes":
            experts = [RecentRows(expert), RecentRows(other)]
            return DeferralTeam("t", base, experts, random_gate(0.7, 2, seed=5)), base
        case "composed":
            return DeferralTeam("t", base, [expert], random_gate(0.5, 1), compose=True), base
        case "proxy":
            team: LanguageModel = proxy_tuned("t", base, expert, other, alpha=0.5)
        case "contrast":
            team = contrasted("t", base, expert)
        case "mixture":
            team = mixed("t", [base, expert], [0.7, 0.3])
        case _:
            team = base
    return team, team


@pytest.mark.weights
@pytest.mark.parametrize(("method", "temperature"), list(itertools.product(METHODS, (0.0, 0.8))))
def test_speculation_changes_neither_text_nor_authors(
    weights: list[Weights], method: str, temperature: float
) -> None:
    model, base = opened(method, weights)
    tokens = weights[0].vocabulary.encode(PROMPT, bos=True)
    found = []
    draft = Draft(context(weights[1], "draft"))
    for speculation in (
        None,
        Speculation(base, depth=3),
        Speculation(base, writer=writer_of, depth=5),
        Speculation(base, draft=draft, depth=4),
        Speculation(base, draft=draft, writer=writer_of),
    ):
        sampling = Sampling(temperature=temperature, seed=11)
        events = list(
            generate(model, tokens, sampling, Limits(70, ends_loops=False), speculation=speculation)
        )
        assert isinstance(events[-1], Finished)
        written = [(e.id, e.author) for e in events if isinstance(e, Token)]
        found.append((events[-1].text, events[-1].reason, written))
    assert found[1:] == found[:1] * 4


class TwoTokens:
    """P(next) depends on the last token only: by hand, over a vocabulary of three."""

    name, n_embd, n_ctx = "two", 1, 512
    TABLE = np.log(np.array([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1], [0.25, 0.25, 0.5]], np.float32))

    def __init__(self) -> None:
        pieces = piece_vocabulary("a", "b", "c")
        self.vocabulary: Vocabulary = pieces
        self._ids = [pieces.encode(each)[0] for each in "abc"]

    def read(
        self, tokens: Sequence[int], *, last: int = 1, hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:  # fmt: skip
        logits = np.full((last, self.vocabulary.n_tokens), -np.inf, np.float32)
        for row, token in enumerate(tokens[len(tokens) - last :]):
            logits[row, self._ids] = self.TABLE[self._ids.index(token)]
        return Reading(logits)

    def attribute(self, reading: Reading, token: int) -> str:
        return self.name

    def index(self, token: int) -> int:
        return self._ids.index(token)


def test_samples_with_speculation_have_the_models_own_distribution() -> None:
    """Chi-square of each transition, against the table; 0.999 of 2 degrees of freedom is 13.8."""
    model = TwoTokens()
    speculation = Speculation(model, depth=5)
    counts = np.zeros((3, 3))
    n_proposed = n_accepted = 0
    for seed in range(30):
        start = model.vocabulary.encode("abcabcbacab")
        sampling, limits = Sampling(temperature=1.0, seed=seed), Limits(300, ends_loops=False)
        *_, end = generate(model, start, sampling, limits, speculation=speculation)
        assert isinstance(end, Finished)
        for before, after in itertools.pairwise(end.tokens):
            counts[model.index(before), model.index(after)] += 1
        n_proposed += sum(each.proposed for each in end.drafted.values())
        n_accepted += sum(each.accepted for each in end.drafted.values())
    expected = counts.sum(axis=1, keepdims=True) * np.exp(TwoTokens.TABLE)
    chi_square = ((counts - expected) ** 2 / expected).sum(axis=1)
    assert (chi_square < 13.8).all()
    assert 1000 < n_accepted < 0.8 * n_proposed
