"""The training data of an expert: documents of a collection as sentences, and rows of token ids.

A small model memorizes a text in the order of the training, and cannot recall a sentence in the middle.
So documents are used whole and in parts: sentences in random order, some left out. Knows neither torch
nor questions.
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
_MIN_SENTENCE = 3
"""Characters: shorter pieces are page numbers and bullets."""
_PAGE_WIDTHS = range(40, 121)
"""Width of the longest line, in characters, of a text that was wrapped at a page width."""
_NEARLY_FULL = 0.6
_ENDED = tuple(".!?:;")


@dataclass(frozen=True, slots=True)
class Text:
    """One document, or one section of it: its title and sentences."""

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
    """One `Text` for each heading of each indexed document. Raises `BadData` where there is none."""
    texts = [text for document in collection.documents() if document.status == "indexed"
             for text in _sections(collection, document)]  # fmt: skip
    if not texts:
        raise BadData(
            "the collection has no readable text: localcollab docs status shows why; localcollab docs "
            "add PATH adds files"
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
    """Sentences and lines, stripped; lines wrapped at a page width are joined."""
    pieces = (" ".join(piece.split()) for piece in _SENTENCE.split(_unwrap(text)))
    return [piece for piece in pieces if len(piece) >= _MIN_SENTENCE]


def _unwrap(text: str) -> str:
    """Joins lines that end where the next word did not fit, as in a PDF."""
    lines = [line.strip() for line in text.splitlines()]
    width = max(map(len, lines), default=0)
    if width not in _PAGE_WIDTHS:
        return text
    joined = lines[:1]
    for line, following in pairwise(lines):
        joined.append((" " if _is_wrapped(line, following, width) else "\n") + following)
    return "".join(joined)


def _is_wrapped(line: str, following: str, width: int) -> bool:
    if not line or not following or line.endswith(_ENDED):
        return False
    did_not_fit = len(line) + 1 + len(following.split()[0]) > width
    return did_not_fit or (following[0].islower() and len(line) > _NEARLY_FULL * width)


def split_held_out(texts: Sequence[Text], share: float, seed: int) -> tuple[list[Text], list[Text]]:
    """(train, held out), by the hash of each text: new documents do not move old ones."""
    bound = int(share * 2**32)

    def is_held_out(text: Text) -> bool:
        digest = hashlib.sha256(f"{seed}/{text.sha256}".encode()).digest()
        return int.from_bytes(digest[:4], "big") < bound

    held_out = [text for text in texts if is_held_out(text)]
    return [text for text in texts if not is_held_out(text)], held_out


def documents(texts: Sequence[Text], rng: random.Random) -> Iterator[str]:
    """An endless stream; each round has every text once, in a new order and arrangement."""
    while True:
        for text in rng.sample(texts, len(texts)):
            yield arrange(text, rng)


def mixed(
    texts: Sequence[Text], new: Sequence[Text], share: float, rng: random.Random
) -> Iterator[str]:
    """Old and new texts in one stream, a `share` of it new; either may be empty."""
    if not texts or not new:
        return documents(texts or new, rng)
    return _draw(documents(texts, rng), documents(new, rng), share, rng)


def _draw(
    old: Iterator[str], new: Iterator[str], share: float, rng: random.Random
) -> Iterator[str]:
    while True:
        yield next(new if rng.random() < share else old)


def arrange(text: Text, rng: random.Random) -> str:
    """The whole text, or its sentences in random order; sometimes without its title."""
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
    """`n_rows` rows of `n_tokens` ids. A row begins with a document; EOS separates documents."""
    end = [vocabulary.eos] if vocabulary.eos is not None else []
    rows = []
    for _ in range(n_rows):
        row: list[int] = []
        while len(row) < n_tokens:
            row += vocabulary.encode(next(stream)) + end
        rows.append(row[:n_tokens])
    return rows


def texts_sha256(texts: Iterable[Text]) -> str:
    """Of all texts, independent of their order."""
    return hashlib.sha256("".join(sorted(text.sha256 for text in texts)).encode()).hexdigest()
