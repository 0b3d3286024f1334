"""Questions without data: gaps in the sentences of a collection of documents, or of what a user wrote.

Who fills them knows what these texts say, and how. That is no measure of how well somebody answers a
user's questions, and the verdict says so.
"""

import random
import re
from collections.abc import Iterable, Iterator

from localcollab.documents.collection import Collection
from localcollab.errors import BadOption
from localcollab.evaluation.expected import AnyOf
from localcollab.evaluation.questions import Question
from localcollab.history.store import History

MEANING = (
    "the questions are gaps in your documents: they show who knows what the documents say, not who "
    "answers your own questions best"
)
MEANING_OF_HISTORY = (
    "the questions are gaps in your own messages: they show who knows the words of your subjects, not "
    "who answers your questions best"
)
MOST = 200
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_TELLING = re.compile(r"(?<=\w\s)(?:[A-ZÀ-Þ][\w-]{2,}|\d[\d.,]*\d|\d{2,})")
"""A name or a number behind another word: what a reader would have to know."""
_WORDS = range(8, 41)


def questions_of(collection: Collection, *, most: int = MOST, seed: int = 0) -> list[Question]:
    """One of each passage at most, drawn at random. Raises `BadOption` where nothing can be asked."""
    texts = [
        passage.text
        for document in collection.documents()
        for passage in collection.passages(document)
    ]
    return _drawn(texts, "the documents", most, seed)


def questions_of_history(history: History, *, most: int = MOST, seed: int = 0) -> list[Question]:
    """Of what the user wrote in conversations as they are shown, as `questions_of`. Answers are left out:
    models wrote them."""
    texts = [
        message.text
        for conversation in history.conversations(history.count())
        for message in history.branch(conversation.id)
        if message.role == "user"
    ]
    return _drawn(texts, "your messages", most, seed)


def _drawn(texts: list[str], whose: str, most: int, seed: int) -> list[Question]:
    rng = random.Random(seed)
    rng.shuffle(texts)
    found = list(dict.fromkeys(_some(texts, rng)))[:most]
    if not found:
        raise BadOption(f"{whose} hold no sentence with a name or a number to ask for: give `data`")
    return found


def _some(texts: Iterable[str], rng: random.Random) -> Iterator[Question]:
    for text in texts:
        sentences = [" ".join(each.split()) for each in _SENTENCE.split(text)]
        made = [question for each in sentences for question in _gaps(each)]
        if made:
            yield rng.choice(made)


def _gaps(sentence: str) -> Iterator[Question]:
    """Each telling word that stands in the sentence once."""
    if len(sentence.split()) not in _WORDS:
        return
    for found in _TELLING.finditer(sentence):
        word = found[0].rstrip(".,")
        if len(re.findall(rf"\b{re.escape(word)}\b", sentence)) == 1:
            gap = sentence[: found.start()] + "____" + sentence[found.start() + len(word) :]
            text = f"Which word is missing? Write it alone.\n{gap}"
            yield Question(text, word, "gap", expected=AnyOf((word,)), max_tokens=24)
