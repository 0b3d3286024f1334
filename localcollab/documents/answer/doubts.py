"""What passages make a team doubt: a number or name that none of them has, and what they put otherwise.

The passages may then write the span themselves: the team goes on from there copying from them
(`quoting`).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from localcollab.decoding.second_thoughts import Doubts
from localcollab.decoding.triggers import SENTENCE_END, Span, otherwise, unheard
from localcollab.documents.answer.content_words import content_words
from localcollab.documents.answer.quoting import Quotes, matches
from localcollab.language_model import LanguageModel

LEAST_WORDS = 3
"""That the answer and a passage share before they part; a name or number is among them."""
_TAIL, _AHEAD = 200, 200
"""Characters of an answer that are looked for, and of a passage that follow."""
_SENTENCE_START = re.compile(r"(?<=[.!?:])\s+|\n+")


def with_passages(
    doubts: Doubts,
    texts: Sequence[str],
    headings: Sequence[str],
    question: str,
    quotes: Quotes,
    quoting: LanguageModel | None,
) -> Doubts:
    """`texts`: the passages; `headings`: what else may be named; `quoting`: the team that copies from
    them, or None where it does so already. As they are where no member writes by itself."""
    if not doubts.members:
        return doubts
    given = frozenset().union(*map(stated, (*texts, *headings, question)))
    says = PassagesSay(texts)

    def copies(tokens: Sequence[int]) -> tuple[dict[int, float], float]:
        found = quotes.after(tokens)
        return dict(found.shares), found.weight

    return replace(
        doubts,
        triggers=(otherwise(says), unheard(claimed, given), *doubts.triggers),
        quoting=quoting,
        copies=copies,
    )


def doubt_of(texts: Sequence[str], question: str) -> Callable[[str], str | None]:
    """Of a whole answer: why it disagrees with the passages, if it does."""
    if not texts:
        return lambda answer: None
    doubt = unheard(claimed, frozenset().union(*map(stated, (*texts, question)))).doubt
    return lambda answer: doubt(Span("", "", answer, "", (), ()))


def claimed(text: str, begins_sentence: bool) -> frozenset[str]:
    """As `stated`, but for words that have their capital from the start of a sentence."""
    found = frozenset[str]()
    for n, sentence in enumerate(_SENTENCE_START.split(text)):
        first = sentence.split(maxsplit=1)[:1] if n or begins_sentence else []
        found |= stated(sentence) - content_words(" ".join(first)).names
    return found


def stated(text: str) -> frozenset[str]:
    """Its names and numbers, in one form."""
    words = content_words(text)
    return words.names | {f"{number.value:g}" for number in words.numbers}


class PassagesSay:
    """How the passages go on after the words that an answer ends with."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = [" ".join(text.split()) for text in texts]

    def __call__(self, before: str) -> Iterator[str]:
        """The rest of each sentence that the longest match stands in; nothing of a short match."""
        tail = re.sub(r"\s+", " ", before[-_TAIL:])
        if not tail.strip() or SENTENCE_END.search(tail[-2:]):
            return
        found = [
            (n_words, text, end)
            for text in self._texts
            for end, n_words in matches(tail.casefold(), _folded(text))
        ]
        most = max((n_words for n_words, _, _ in found), default=0)
        shared = " ".join(tail.split()[-most:]) if most else ""
        if most < LEAST_WORDS or not stated(f"x {shared}"):
            return
        for n_words, text, end in found:
            if n_words == most:
                yield SENTENCE_END.split(text[end : end + _AHEAD], maxsplit=1)[0]


def _folded(text: str) -> str:
    folded = text.casefold()
    return folded if len(folded) == len(text) else text
