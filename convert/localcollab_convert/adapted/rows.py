"""Lessons -> rows of token ids, tokenized exactly as a session of the runtime would have written them.

Several questions and answers stand in one conversation, so that a template's own words are read once.
Only answers are learned.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from localcollab.chat.template import ChatTemplate, Message
from localcollab.decoding.encoding import encode_start
from localcollab.vocabulary import Vocabulary
from localcollab_convert.export.examples import Conversation, Encoder, Record
from localcollab_convert.study.material import Lesson

_TURNS = 4
"""Of a conversation."""
_WIDTHS = 16
"""A row is padded to a multiple: PyTorch keeps kernels and memory for every shape that it meets."""
_PLAIN = "Question: {}\nAnswer:"
"""For a base without a chat template."""


@dataclass(frozen=True, slots=True)
class Row:
    tokens: tuple[int, ...]
    learned: tuple[bool, ...]
    """By token: whether it is predicted. Never the first."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded at the right."""

    ids: npt.NDArray[np.int64]
    """(n_rows, n_tokens)"""
    learned: npt.NDArray[np.bool_]

    @property
    def n_tokens(self) -> int:
        return int(self.ids.size)


class RowMaker:
    """For one base. `n_ctx`: the longest row."""

    def __init__(self, vocabulary: Vocabulary, template: ChatTemplate | None, n_ctx: int) -> None:
        self._vocabulary, self._template, self._n_ctx = vocabulary, template, n_ctx
        self._encoder = Encoder(vocabulary, template, n_ctx)
        self._eos = () if vocabulary.eos is None else (vocabulary.eos,)

    def openers(self, words: Sequence[str]) -> list[int]:
        """The first token of each word, for texts that begin with it."""
        return list(dict.fromkeys(encode_start(self._vocabulary, word)[-1] for word in words))

    def rows(self, lessons: Sequence[Lesson]) -> list[Row]:
        """In order; raw texts stand alone. A row that is longer than `n_ctx` is left out."""
        asked = [lesson for lesson in lessons if lesson.prompt]
        rows = [self._text(lesson.answer) for lesson in lessons if not lesson.prompt]
        for at in range(0, len(asked), _TURNS):
            rows += self.conversation(
                [(each.prompt, each.answer) for each in asked[at : at + _TURNS]]
            )
        return [row for row in rows if len(row.tokens) <= self._n_ctx and any(row.learned)]

    def conversation(self, turns: Sequence[tuple[str, str]]) -> list[Row]:
        """One row; several where the template rewrites what was said before."""
        if self._template is None:
            return [self._plain(prompt, answer) for prompt, answer in turns]
        messages = [
            message for prompt, answer in turns
            for message in (Message("user", prompt), Message("assistant", answer))
        ]  # fmt: skip
        record = Record("lessons", Conversation(tuple(messages)))
        examples, _ = self._encoder.encode([record])
        rows = []
        for example in examples:
            learned = np.zeros(len(example.tokens), bool)
            for start, end in example.answers:
                learned[max(start, 1) : end] = True
            rows.append(Row(example.tokens, tuple(learned.tolist())))
        return rows

    def _plain(self, prompt: str, answer: str) -> Row:
        before = encode_start(self._vocabulary, _PLAIN.format(prompt))
        whole = [*encode_start(self._vocabulary, f"{_PLAIN.format(prompt)} {answer}"), *self._eos]
        return Row(tuple(whole), tuple(n >= len(before) for n in range(len(whole))))

    def _text(self, text: str) -> Row:
        tokens = (*encode_start(self._vocabulary, text), *self._eos)
        return Row(tokens, tuple(n > 0 for n in range(len(tokens))))


def batches(rows: Sequence[Row], n_tokens: int) -> list[Batch]:
    """Rows of like lengths together, about `n_tokens` each, in the order of their first row."""
    order = {id(row): n for n, row in enumerate(rows)}
    groups = list[list[Row]]()
    for row in sorted(rows, key=lambda row: len(row.tokens)):
        if not groups or _width(row) * (len(groups[-1]) + 1) > n_tokens:
            groups.append([])
        groups[-1].append(row)
    groups.sort(key=lambda group: min(order[id(row)] for row in group))
    return [batch(group) for group in groups]


def batch(rows: Sequence[Row]) -> Batch:
    width = max(map(_width, rows))
    ids = np.zeros((len(rows), width), np.int64)
    learned = np.zeros((len(rows), width), bool)
    for n, row in enumerate(rows):
        ids[n, : len(row.tokens)] = row.tokens
        learned[n, : len(row.learned)] = row.learned
    return Batch(ids, learned)


def _width(row: Row) -> int:
    return -(-len(row.tokens) // _WIDTHS) * _WIDTHS
