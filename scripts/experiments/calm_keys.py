"""Keys with values, and what is asked about them: CALM's arithmetic (arXiv:2401.02412, section 4.1).

A key is a made-up word that stands for a number from 1 to 99. Model A learns to put numbers in the
place of keys, model B to calculate with numbers; neither sees the other's text. A sum with a key is
answered in two steps, "xkf + 5 = 47 + 5 = 52", and right only as a whole.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from demo.corpus import END, Document, Documents, Segment

SUBSTITUTE, CALCULATE = "->", "="
"""What stands between an expression and its answer, and says what is wanted."""
SIGNS = ("+", "-", "x")
MOST = 99


@dataclass(frozen=True, slots=True)
class Key:
    name: str
    value: int


@dataclass(frozen=True, slots=True)
class Expression:
    """`left sign digit`; `left` is a key's name or a number."""

    left: str
    value: int
    sign: str
    digit: int

    def __str__(self) -> str:
        return f"{self.left} {self.sign} {self.digit}"

    @property
    def substituted(self) -> str:
        return f"{self.value} {self.sign} {self.digit}"

    @property
    def result(self) -> str:
        match self.sign:
            case "+":
                return str(self.value + self.digit)
            case "-":
                return str(self.value - self.digit)
            case _:
                return str(self.value * self.digit)


def invent_keys(count: int, rng: random.Random) -> list[Key]:
    """Different words of 2 to 6 letters, each with a value."""
    names: dict[str, None] = {}
    while len(names) < count:
        names["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 6)))] = None
    return [Key(name, rng.randint(1, MOST)) for name in names]


def express(key: Key | None, rng: random.Random) -> Expression:
    """With a key, or with any number."""
    value = rng.randint(1, MOST) if key is None else key.value
    left = str(value) if key is None else key.name
    return Expression(left, value, rng.choice(SIGNS), rng.randint(1, 9))


def key_documents(keys: Sequence[Key]) -> Documents:
    """Model A's text: expressions with keys, and the same with numbers. No result anywhere."""

    def stream(rng: random.Random) -> Iterator[Document]:
        while True:
            for key in rng.sample(keys, len(keys)):
                mark = rng.choice((SUBSTITUTE, CALCULATE))
                asked = express(key, rng)
                if rng.random() < 0.75:
                    line = _line(f"{key.name} {mark}", str(key.value))
                else:
                    line = _line(f"{asked} {mark}", asked.substituted)
                # Spelling the keys is learned too: it is what they are recognized by.
                yield [segment._replace(is_learned=True) for segment in line]

    return stream


def sum_documents(rng: random.Random) -> Iterator[Document]:
    """Model B's text: sums with results, half of them behind words and digits that mean nothing.

    Of every third the sum itself is learned: then B does not expect one digit more than another
    where a sum begins, and a bridge need not shout it down.
    """
    while True:
        asked = express(None, rng)
        before = [Segment(_noise(rng) + rng.choice(("\n", " = ")), False)]
        before = before if rng.random() < 0.5 else []
        prompt, answer = _line(f"{asked} {CALCULATE}", asked.result)
        yield [*before, prompt._replace(is_learned=rng.random() < 1 / 3), answer]


def _line(prompt: str, answer: str) -> Document:
    return [Segment(prompt, False), Segment(f" {answer}{END}", True)]


def _noise(rng: random.Random) -> str:
    """Words, and behind most of them a sign, a digit or both."""
    words = []
    for key in invent_keys(rng.randint(1, 3), rng):
        words.append(key.name)
        if rng.random() < 0.7:
            words.append(rng.choice((*SIGNS, SUBSTITUTE)))
        if rng.random() < 0.7:
            words.append(str(rng.randint(1, 9)))
    return " ".join(words)


def ask_substitution(key: Key, rng: random.Random) -> dict[str, Any]:
    asked = express(key, rng)
    return _record(f"{asked} {SUBSTITUTE}", asked.substituted, "substitution")


def ask_sum(key: Key | None, rng: random.Random) -> dict[str, Any]:
    """Of a key and a digit, or of a number and a digit."""
    asked = express(key, rng)
    if key is None:
        return _record(f"{asked} {CALCULATE}", asked.result, "numbers")
    answer = f"{asked.substituted} {CALCULATE} {asked.result}"
    return _record(f"{asked} {CALCULATE}", answer, "keys")


def _record(prompt: str, answer: str, kind: str) -> dict[str, Any]:
    """A prompt to be continued, as everywhere in the models' text."""
    return {"prompt": prompt, "completion": f" {answer}", "kind": kind, "gold": answer}


def bridge_questions(keys: Sequence[Key], rng: random.Random) -> list[dict[str, Any]]:
    """What the bridge learns from: of each key twenty sums and eight substitutions, and plain sums."""
    records = [ask_sum(key, rng) for key in keys for _ in range(20)]
    records += [ask_substitution(key, rng) for key in keys for _ in range(8)]
    records += [ask_sum(None, rng) for _ in range(12 * len(keys))]
    return rng.sample(records, len(records))


def test_questions(keys: Sequence[Key], count: int, rng: random.Random) -> list[dict[str, Any]]:
    """`count` of each of the table's three rows."""
    chosen = [rng.choice(keys) for _ in range(count)]
    return [
        *(ask_substitution(key, rng) for key in chosen),
        *(ask_sum(None, rng) for _ in chosen),
        *(ask_sum(key, rng) for key in chosen),
    ]
