"""What an expert is made from: the documents of a collection, cut into sentences, and their rows.

A small model learns a text by heart in the order in which it saw it, and is lost when asked for one
sentence in the middle. So every document is shown whole and in pieces: its sentences in any order,
some left out, behind others. Knows neither torch nor questions.
"""

import hashlib
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from localcollab.documents.collection import Collection
from localcollab.documents.records import Document
from localcollab.errors import BadData
from localcollab.vocabulary import Vocabulary

_SENTENCE = re.compile(r"(?<=[.!?])[\"')\]]*\s+|\n+")
OPENING = "# "
"""Before a title."""
_LEAST_SENTENCE = 3
"""Characters: shorter pieces are page numbers and bullets."""
_PRINTED = range(40, 121)
"""Characters that the widest line of a page has, where lines end because the page does."""
_NEARLY_FULL = 0.6
_ENDED = tuple(".!?:;")


@dataclass(frozen=True, slots=True)
class Text:
    """One document, or one section of it: what its sentences are about, and they themselves."""

    title: str
    sentences: tuple[str, ...]
    source: Path

    @property
    def whole(self) -> str:
        return "\n".join((OPENING + self.title, *self.sentences)) + "\n"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.whole.encode()).hexdigest()


def read_texts(collection: Collection) -> list[Text]:
    """One `Text` a heading of each document that is indexed. Raises `BadData` where there is none."""
    texts = [text for document in collection.documents() if document.status == "indexed"
             for text in _sections(collection, document)]  # fmt: skip
    if not texts:
        raise BadData(
            "the collection holds no readable text: localcollab docs status shows why; "
            "localcollab docs add PATH adds files"
        )
    return texts


def _sections(collection: Collection, document: Document) -> Iterator[Text]:
    sections: dict[str, list[str]] = {}
    for passage in collection.passages(document):
        sections.setdefault(passage.heading, []).append(passage.text)
    for heading, parts in sections.items():
        title = heading or document.path.stem
        sentences = [s for s in split_sentences("".join(parts)) if s.lstrip("# ") != title]
        if sentences:
            yield Text(title, tuple(sentences), document.path)


def split_sentences(text: str) -> list[str]:
    """Sentences and lines, without the space around them; what a page's width broke is whole."""
    pieces = (" ".join(piece.split()) for piece in _SENTENCE.split(_unwrap(text)))
    return [piece for piece in pieces if len(piece) >= _LEAST_SENTENCE]


def _unwrap(text: str) -> str:
    """Lines that end where the next word had no room, as in a PDF, become one."""
    lines = [line.strip() for line in text.splitlines()]
    width = max(map(len, lines), default=0)
    if width not in _PRINTED:
        return text
    joined = lines[:1]
    for line, following in pairwise(lines):
        joined.append((" " if _is_broken(line, following, width) else "\n") + following)
    return "".join(joined)


def _is_broken(line: str, following: str, width: int) -> bool:
    if not line or not following or line.endswith(_ENDED):
        return False
    had_no_room = len(line) + 1 + len(following.split()[0]) > width
    return had_no_room or (following[0].islower() and len(line) > _NEARLY_FULL * width)


def split_held_out(texts: Sequence[Text], share: float, seed: int) -> tuple[list[Text], list[Text]]:
    """(train, held out), by the hash of each text: new documents never move old ones."""
    bound = int(share * 2**32)

    def is_held_out(text: Text) -> bool:
        digest = hashlib.sha256(f"{seed}/{text.sha256}".encode()).digest()
        return int.from_bytes(digest[:4], "big") < bound

    held_out = [text for text in texts if is_held_out(text)]
    return [text for text in texts if not is_held_out(text)], held_out


def documents(texts: Sequence[Text], rng: random.Random) -> Iterator[str]:
    """An endless stream; each round has every text once, in a new order and shape."""
    while True:
        for text in rng.sample(texts, len(texts)):
            yield arrange(text, rng)


def mixed(
    texts: Sequence[Text], fresh: Sequence[Text], share: float, rng: random.Random
) -> Iterator[str]:
    """Both kinds in one stream, `share` of it fresh; either may be empty."""
    if not texts or not fresh:
        return documents(texts or fresh, rng)
    return _drawn(documents(texts, rng), documents(fresh, rng), share, rng)


def _drawn(
    old: Iterator[str], new: Iterator[str], share: float, rng: random.Random
) -> Iterator[str]:
    while True:
        yield next(new if rng.random() < share else old)


def arrange(text: Text, rng: random.Random) -> str:
    """As it is written, or its sentences in any order; now and then without its title."""
    draw = rng.random()
    if draw < 0.2:
        return text.whole
    sentences = list(text.sentences)
    rng.shuffle(sentences)
    if draw < 0.4:
        sentences = sentences[: rng.randint(1, len(sentences))]
    title = [OPENING + text.title] if rng.random() < 0.8 else []
    separator = rng.choice((" ", "\n"))
    return "\n".join([*title, separator.join(sentences)]) + "\n"


def pack_rows(
    stream: Iterator[str], vocabulary: Vocabulary, n_rows: int, n_tokens: int
) -> list[list[int]]:
    """`n_rows` rows of `n_tokens` ids; every row begins with a new document, ends part them."""
    end = [vocabulary.eos] if vocabulary.eos is not None else []
    rows = []
    for _ in range(n_rows):
        row: list[int] = []
        while len(row) < n_tokens:
            row += vocabulary.encode(next(stream)) + end
        rows.append(row[:n_tokens])
    return rows


def texts_sha256(texts: Iterable[Text]) -> str:
    """Of all texts, whatever their order."""
    return hashlib.sha256("".join(sorted(text.sha256 for text in texts)).encode()).hexdigest()
