"""What an expert forgot: bits a byte of general text and of the base's own chat answers, base and expert.

Both are read by the runtime from the files, the expert as base and adapter. Chat answers count to the end
token, so an expert that has lost the chat form pays for it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from localcollab.decoding.encoding import encode_start
from localcollab.language_model import LanguageModel, log_softmax
from localcollab.progress import Counted, OnProgress
from localcollab_convert.adapted.general_text import Turn
from localcollab_convert.adapted.rows import Row, RowMaker

MOST_LOST = 0.02
"""The share by which bits a byte may rise."""


@dataclass(frozen=True, slots=True)
class Ability:
    """Bits a byte: base, expert."""

    text: tuple[float, float]
    chat: tuple[float, float]

    @property
    def lost(self) -> float:
        """The larger rise, as a share."""
        return max(expert / base - 1 for base, expert in (self.text, self.chat))


def measure_ability(
    base: LanguageModel, expert: LanguageModel, maker: RowMaker, prose: Sequence[str],
    turns: Sequence[Turn], on_progress: OnProgress,
) -> Ability:  # fmt: skip
    """`turns`: prompts and the base's answers, none of which was practised."""
    vocabulary = base.vocabulary
    texts = [_text_row(tuple(encode_start(vocabulary, each))) for each in prose]
    chats = [row for turn in turns for row in maker.conversation([turn])]
    n_bytes = sum(len(each.encode()) for each in prose), sum(len(t.answer.encode()) for t in turns)
    bits = list[tuple[float, float]]()
    total = 2 * (len(texts) + len(chats))
    done = 0
    for model in (base, expert):
        sums = []
        for rows in (texts, chats):
            nats = 0.0
            for row in rows:
                on_progress(Counted("general ability", done, total, "texts"))
                nats += _nats(model, row)
                done += 1
            sums.append(nats / math.log(2))
        bits.append((sums[0] / n_bytes[0], sums[1] / n_bytes[1]))
    return Ability((bits[0][0], bits[1][0]), (bits[0][1], bits[1][1]))


def _text_row(tokens: tuple[int, ...]) -> Row:
    return Row(tokens, (False, *[True] * (len(tokens) - 1)))


def _nats(model: LanguageModel, row: Row) -> float:
    """Of the learned tokens of the row."""
    first = row.learned.index(True)
    last = len(row.tokens) - first
    logits = model.read(row.tokens[:-1], last=last).logits
    logprobs = log_softmax(logits)  # (last, n_vocab): predict tokens first .. end
    targets = np.array(row.tokens[first:])
    kept = np.array(row.learned[first:])
    picked = logprobs[np.arange(last), targets]
    return -float(picked[kept].sum())
