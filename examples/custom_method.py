"""A method of your own in one file: at every token the most confident member writes.

A team of models is itself a `LanguageModel`: two methods are all it takes to be loaded, chatted with,
ranked by and measured.

    python examples/custom_method.py [BASE.gguf EXPERT.gguf ...]
"""

import sys
from collections.abc import Mapping, Sequence

import numpy as np

import localcollab as lc


class MostConfident:
    """Reads all members, and takes each token from whoever gives its likeliest one the most."""

    def __init__(self, members: Mapping[str, lc.LanguageModel]) -> None:
        self.name = "most-confident"
        self.members = dict(members)
        base = next(iter(members.values()))
        self.vocabulary, self.n_embd = base.vocabulary, base.n_embd
        self.n_ctx = min(member.n_ctx for member in members.values())

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: lc.OnChunk | None = None,
    ) -> lc.Reading:
        readings = {
            name: member.read(tokens, last=last, hidden=hidden, on_chunk=on_chunk)
            for name, member in self.members.items()
        }
        stacked = np.stack([reading.logits for reading in readings.values()])  # (K, last, n_vocab)
        rows = np.arange(last)
        states = next(iter(readings.values())).hidden
        return lc.Reading(stacked[self._writers(stacked), rows], states, members=readings)

    def attribute(self, reading: lc.Reading, token: int) -> str:
        stacked = np.stack([member.logits[-1:] for member in reading.members.values()])
        return list(self.members)[int(self._writers(stacked)[0])]

    @staticmethod
    def _writers(stacked: np.ndarray) -> np.ndarray:
        """(K, last, n_vocab) -> (last,): who writes."""
        writers: np.ndarray = lc.log_softmax(stacked).max(axis=-1).argmax(axis=0)
        return writers


QUESTION = "What do 7 doses of Kihelrine add up to?"
base, experts = (
    (sys.argv[1:2] or ["formulary-base"])[0],
    sys.argv[2:] or ["formulary", "arithmetic"],
)

with lc.load(base, experts=experts, method=MostConfident, n_ctx=512) as team:
    print(QUESTION)
    answer = team.generate(QUESTION, max_tokens=40)
    print(f"  {answer}\n  {dict(answer.authors)}")

    with team.chat() as chat:
        print("\nIn a chat:", chat.ask("Hello!", max_tokens=30))

    if not sys.argv[1:]:
        print("\nMeasured beside each of its members alone, on 10 of the shipped questions:")
        found = lc.evaluate(team, limit=10).record()
        print(f"  right: {found['team']['accuracy']:.2f}")
        for name, score in found["members"].items():
            print(f"  {name} alone: {score['accuracy']:.2f}")
