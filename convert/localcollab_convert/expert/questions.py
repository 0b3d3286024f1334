"""Questions and answers generated from documents, as training and validation data of a head.

The answer is a sentence of the documents; the question is derived from it by a few patterns of English,
or asks to complete the sentence. Nothing depends on the topic of the documents.
"""

import json
import random
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from localcollab_convert.study.texts import Text

_MAX_ANSWER = 300
"""Characters."""
_MIN_WORDS = 4

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


class Question(NamedTuple):
    text: str
    answer: str
    kind: str
    """pattern, open or cloze."""


def make_questions(texts: Sequence[Text], rng: random.Random) -> Iterator[Question]:
    """Every sentence once; texts in random order."""
    for text in rng.sample(texts, len(texts)):
        for sentence in text.sentences:
            if len(sentence) <= _MAX_ANSWER and len(sentence.split()) >= _MIN_WORDS:
                yield make_question(sentence, text.title, rng)


def make_question(sentence: str, title: str, rng: random.Random) -> Question:
    """The most specific question that the form of the sentence allows."""
    draw = rng.random()
    if draw < 0.15:
        words = sentence.split()
        return Question(f"Complete: {' '.join(words[: len(words) // 2])}", sentence, "cloze")
    found = _OF.match(sentence)
    if found and draw < 0.85:
        what = _uncapitalize(found["what"]).removeprefix("the ")
        text = rng.choice(_BY_PATTERN).format(what=what, who=found["who"], verb=found["verb"])
        return Question(
            text.replace("the one ", "one ").replace("the a ", "a "), sentence, "pattern"
        )
    plain = _PLAIN.match(sentence)
    who = plain["who"] if plain and draw < 0.6 else title
    return Question(rng.choice(_OPEN).format(who=who), sentence, "open")


def _uncapitalize(words: str) -> str:
    return words[0].lower() + words[1:]


def to_jsonl(questions: Sequence[Question]) -> str:
    """As `convert head` and `eval` read them."""
    lines = []
    for question in questions:
        messages = [
            {"role": "user", "content": question.text},
            {"role": "assistant", "content": question.answer},
        ]
        lines.append(
            json.dumps({"messages": messages, "kind": question.kind, "gold": question.answer})
        )
    return "\n".join(lines) + "\n"
