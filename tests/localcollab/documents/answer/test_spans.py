"""A model that answers with a span of a text."""

from collections.abc import Sequence

import numpy as np

from localcollab.documents.answer.reciting import Reciting
from localcollab.documents.answer.spans import MOST_WORDS, Span
from localcollab.language_model import OnChunk, Reading
from toy_vocabulary import END, toy_vocabulary

TEXT = "Anna Brask built the mill in 1790. It burned down, too."
PROMPT = [1, 2, 3]


class Wishing:
    """Gives each character a logit, whatever was read."""

    def __init__(self, wishes: dict[str, float], end: float = -50.0) -> None:
        self.name, self.n_embd, self.n_ctx = "base", 4, 4096
        self.vocabulary = toy_vocabulary()
        self.logits = np.full(self.vocabulary.n_tokens, -20.0, np.float32)
        for character, logit in wishes.items():
            self.logits[self.vocabulary.encode(character)] = logit
        self.logits[END] = end

    def read(
        self, tokens: Sequence[int], *, last: int = 1, hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:  # fmt: skip
        return Reading(np.tile(self.logits, (last, 1)))

    def attribute(self, reading: Reading, token: int) -> str:
        return self.name


def written(model: Wishing, text: str = TEXT) -> str:
    span, said = Span(model, text, len(PROMPT)), list[int]()
    for _ in range(200):
        token = int(span.read([*PROMPT, *said]).logits[-1].argmax())
        if token == END:
            return model.vocabulary.decode(said)
        said.append(token)
    raise AssertionError("no end")


def test_it_begins_at_a_word_and_writes_what_follows_there() -> None:
    assert written(Wishing({"b": 5.0, " ": 0.0})) == "built the mill in 1790"
    assert written(Wishing({"u": 5.0, "b": 4.0, "d": 4.5, " ": 0.0, ",": 0.0})) == "down, too"


def test_it_ends_where_the_model_would_end_its_answer() -> None:
    assert written(Wishing({"m": 5.0, " ": 0.0, ".": 1.0})) == "mill"
    assert written(Wishing({"m": 5.0, " ": 0.0}, end=1.0)) == "mill"


def test_it_ends_after_as_many_words_as_an_answer_has() -> None:
    text = " ".join(f"x{'abcdefghijklmnopqrstuvwxyz'[n]}" for n in range(26))
    assert len(written(Wishing({" ": 0.0}), text).split()) == MOST_WORDS


def test_each_row_is_that_of_its_prefix() -> None:
    span, whole = Span(Wishing({"b": 5.0}), TEXT, len(PROMPT)), [*PROMPT, *b"buil"]
    rows = span.read(whole, last=3).logits
    alone = [span.read(whole[:n]).logits[-1] for n in (5, 6, 7)]
    assert np.array_equal(rows, np.stack(alone))


def test_reciting_says_its_text_and_ends_without_reading_the_model() -> None:
    class Unread(Wishing):
        def read(self, *_: object, **__: object) -> Reading:
            raise AssertionError("was read")

    reciting = Reciting(Unread({}), "Hi.", len(PROMPT))
    said = reciting.vocabulary.encode("Hi.")
    rows = reciting.read([*PROMPT, *said], last=len(said) + 1).logits.argmax(-1)
    assert rows.tolist() == [*said, END]
