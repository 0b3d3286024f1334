"""An answer that loops goes back to the loop's first copy, and on in another way."""

from collections.abc import Sequence

import numpy as np
import pytest

from fakes import END, N_VOCAB, byte_vocabulary
from going_back import shown
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.decoding.sampling import Sampling
from localcollab.decoding.second_thoughts import Doubts
from localcollab.events import Event, Finished, Retracted, Token
from localcollab.language_model import OnChunk, Reading

UNIT = b"the same again, "
OTHERWISE = b"but then something new happened and it was over."


class Looping:
    """Writes a beginning, then a unit for ever; where the unit may not go on, something else."""

    name = "base"
    n_embd = 4

    def __init__(self, beginning: bytes, otherwise: bytes = OTHERWISE, n_ctx: int = 4000) -> None:
        self.vocabulary, self.n_ctx = byte_vocabulary(), n_ctx
        self._beginning, self._otherwise = beginning, otherwise

    def read(
        self, tokens: Sequence[int], *, last: int = 1, hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:  # fmt: skip
        rows = [
            self._row(bytes(tokens[1:n])) for n in range(len(tokens) - last + 1, len(tokens) + 1)
        ]
        return Reading(np.array(rows, np.float32).reshape(last, N_VOCAB))

    def _row(self, written: bytes) -> np.ndarray:
        row = np.full(N_VOCAB, -20, np.float32)
        first, second = self._next(written)
        row[second] = 5
        row[first] = 10
        return row

    def _next(self, written: bytes) -> tuple[int, int]:
        """The likeliest token, and the one after it."""
        if len(written) < len(self._beginning):
            return self._beginning[len(written)], END
        n_off = written.rfind(self._otherwise[:1], len(self._beginning))
        rest = (
            written[n_off:] if n_off >= 0 and self._otherwise.startswith(written[n_off:]) else b""
        )
        if rest:
            at = len(rest)
            return (self._otherwise[at] if at < len(self._otherwise) else END), END
        at = (len(written) - len(self._beginning)) % len(UNIT)
        return UNIT[at], self._otherwise[0]

    def attribute(self, reading: Reading, token: int) -> str:
        return self.name


def events(model: Looping, *, second_thoughts: bool = True, n: int = 3000) -> list[Event]:
    limits = Limits(max_tokens=n)
    return list(
        generate(model, [1], limits=limits, second_thoughts=Doubts() if second_thoughts else None)
    )


def end(found: Sequence[Event]) -> Finished:
    last = found[-1]
    assert isinstance(last, Finished)
    return last


def test_the_first_copy_stays_and_the_answer_goes_on() -> None:
    found = events(Looping(b"So: "))
    (back,) = (event for event in found if isinstance(event, Retracted))
    assert end(found).reason == "end"
    # A loop's copies may begin anywhere in the unit.
    assert end(found).text == (b"So: " + UNIT.rstrip() + OTHERWISE).decode()
    assert shown(found) == end(found).text
    assert sum(end(found).authors.values()) == len(end(found).tokens)
    assert back.text.count(UNIT.decode().strip()) >= 4
    assert end(found).n_repeated == back.n_tokens
    assert back.line.startswith("taken back, because it repeated itself")


def test_without_a_loop_nothing_changes() -> None:
    calm = Looping(b"A short answer." + OTHERWISE)
    with_, without = (events(calm, second_thoughts=on, n=60) for on in (True, False))
    assert [e for e in with_ if isinstance(e, Token)] == [
        e for e in without if isinstance(e, Token)
    ]


def test_without_second_thoughts_a_loop_ends_the_answer() -> None:
    found = events(Looping(b"So: "), second_thoughts=False)
    assert end(found).reason == "repetition"
    assert not [event for event in found if isinstance(event, Retracted)]


def test_it_goes_back_three_times_at_most() -> None:
    found = events(Looping(b"So: ", otherwise=UNIT[:1] + b"!"))
    assert sum(isinstance(event, Retracted) for event in found) <= 3
    assert shown(found).startswith("So: ")


@pytest.mark.parametrize("stop", [(), ("over",)])
@pytest.mark.parametrize("seed", range(10))
def test_what_is_shown_is_the_answer_whatever_is_drawn(seed: int, stop: tuple[str, ...]) -> None:
    sampling, limits = Sampling(temperature=1.0, seed=seed), Limits(max_tokens=1500, stop=stop)
    found = list(generate(Looping(b"So: "), [1], sampling, limits, second_thoughts=Doubts()))
    assert shown(found) == end(found).text


def test_a_note_holds_all_of_a_long_text_behind_its_line() -> None:
    short, long = Retracted(1, " 60", "is odd", "one"), Retracted(99, "so on\n" * 99, "is odd")
    assert short.note == short.line == "taken back, because it is odd (1 token, by one): 60"
    line, text = long.note.split("\n")
    assert line == long.line
    assert text == " ".join(["so on"] * 99)
