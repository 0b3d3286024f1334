"""What was forgotten: bits a byte of general text and of the base's own chat answers.

Base, expert and team are read by the runtime from the files, the expert as base and adapter. Chat answers
count to the end token, so who has lost the chat form pays for it.
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


@dataclass(frozen=True, slots=True)
class Ability:
    """Bits a byte, by model; the first is the base."""

    text: tuple[float, ...]
    chat: tuple[float, ...]

    def lost(self, n: int) -> float:
        """The larger rise of model `n`, as a share."""
        return max(bits[n] / bits[0] - 1 for bits in (self.text, self.chat))


def measure_ability(
    models: Sequence[LanguageModel], maker: RowMaker, prose: Sequence[str], turns: Sequence[Turn],
    on_progress: OnProgress,
) -> Ability:  # fmt: skip
    """`models`: of one vocabulary. `turns`: prompts and the base's answers, none of which was
    practised."""
    texts = [_text_row(tuple(encode_start(models[0].vocabulary, each))) for each in prose]
    chats = [row for turn in turns for row in maker.conversation([turn])]
    n_bytes = sum(len(each.encode()) for each in prose), sum(len(t.answer.encode()) for t in turns)
    total, done = len(models) * (len(texts) + len(chats)), 0
    bits = list[list[float]]()
    for rows, size in zip((texts, chats), n_bytes, strict=True):
        bits.append([])
        for model in models:
            nats = 0.0
            for row in rows:
                on_progress(Counted("general ability", done, total, "texts"))
                nats += _nats(model, row)
                done += 1
            bits[-1].append(nats / math.log(2) / size)
    return Ability(tuple(bits[0]), tuple(bits[1]))


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
