"""Questions with their answers, made from documents alone: what a head is trained and tried on.

A sentence of the documents is the answer; the question is turned out of it by a few patterns of
English, or asks for the sentence by its beginning. Nothing here knows what the documents are about.
"""

import json
import random
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from localcollab_convert.expert.texts import Text

_LONGEST_ANSWER = 300
"""Characters: whoever asks a small model expects a sentence."""
_LEAST_WORDS = 4

_OF = re.compile(
    r"^(?P<what>(?:[A-Z]\w*)(?: [\w-]+){0,4}) of (?P<who>.+?) (?P<verb>is|are|was|were) .+[.!]$"
)
_PLAIN = re.compile(r"^(?P<who>[^,;:]{2,60}?) (?P<verb>is|are|was|were|has|can|does) .+[.!]$")

_OPEN = ("What is known about {who}?", "Tell me about {who}.", "What about {who}?", "{who}?")
_BY_PATTERN = (
    "What {verb} the {what} of {who}?",
    "Tell me the {what} of {who}.",
    "{who}: what {verb} the {what}?",
    "I would like to know the {what} of {who}.",
)


class Asked(NamedTuple):
    question: str
    answer: str
    kind: str
    """pattern, open or cloze."""


def make_questions(texts: Sequence[Text], rng: random.Random) -> Iterator[Asked]:
    """Every sentence once; texts in random order."""
    for text in rng.sample(texts, len(texts)):
        for sentence in text.sentences:
            if len(sentence) <= _LONGEST_ANSWER and len(sentence.split()) >= _LEAST_WORDS:
                yield ask(sentence, text.title, rng)


def ask(sentence: str, title: str, rng: random.Random) -> Asked:
    """The most telling question that the sentence's form allows."""
    draw = rng.random()
    if draw < 0.15:
        words = sentence.split()
        return Asked(f"Complete: {' '.join(words[: len(words) // 2])}", sentence, "cloze")
    found = _OF.match(sentence)
    if found and draw < 0.85:
        what = _uncapitalise(found["what"]).removeprefix("the ")
        wording = rng.choice(_BY_PATTERN)
        question = wording.format(what=what, who=found["who"], verb=found["verb"])
        return Asked(
            question.replace("the one ", "one ").replace("the a ", "a "), sentence, "pattern"
        )
    plain = _PLAIN.match(sentence)
    who = plain["who"] if plain and draw < 0.6 else title
    return Asked(rng.choice(_OPEN).format(who=who), sentence, "open")


def _uncapitalise(words: str) -> str:
    return words[0].lower() + words[1:]


def to_jsonl(questions: Sequence[Asked]) -> str:
    """As `convert head` and `eval` read them."""
    lines = []
    for asked in questions:
        messages = [
            {"role": "user", "content": asked.question},
            {"role": "assistant", "content": asked.answer},
        ]
        lines.append(json.dumps({"messages": messages, "kind": asked.kind, "gold": asked.answer}))
    return "\n".join(lines) + "\n"
