"""What a bare answer claims: the question's words with the answer in the place of "who", "when",
"how many".

English questions only. Every order of words that the question may stand for is made; a source
sentence is one of them or
none, so a wrong order supports nothing. "did sign" stands for "signed" (see `following`).
"""

from collections.abc import Iterator

from localcollab.documents.checking.asides import is_verb
from localcollab.documents.checking.language import Language
from localcollab.documents.checking.tokens import Token, tokens
from localcollab.documents.checking.variants import Row

ASKING = frozenset(["who", "whom", "whose", "what", "which", "when", "where", "how"])
_AUXILIARIES = frozenset(
    [
        "is",
        "are",
        "was",
        "were",
        "did",
        "does",
        "do",
        "has",
        "have",
        "had",
        "can",
        "could",
        "will",
        "would",
        "may",
        "might",
        "must",
        "should",
    ]
)
MEASURES = frozenset(
    [
        "many",
        "much",
        "long",
        "old",
        "far",
        "tall",
        "high",
        "large",
        "big",
        "deep",
        "often",
        "wide",
        "heavy",
    ]
)
_LONGEST_QUESTION = 22
LONGEST_FRAGMENT = 14
"""Tokens of an answer that is no sentence."""
_PREPOSITIONS = ("in", "on", "at", "by", "for", "from", "to")


def is_fragment(answer: Row, language: Language) -> bool:
    """Whether it is no sentence of its own: "Anna Berg.", "On 1 March.", "Yes"."""
    return 0 < len(answer) <= LONGEST_FRAGMENT and not any(
        is_verb(token, language) for token in answer
    )


def statements(question: str, answer: Row, language: Language) -> Iterator[Row]:
    """Everything that `answer` may say as an answer to `question`; nothing if it is not
    understood."""
    asked = tuple(t for t in tokens(question, language) if t.kind != "mark" or t.text == ",")
    if language.code != "en" or not answer or not 2 <= len(asked) <= _LONGEST_QUESTION:
        return
    if asked[0].text in _AUXILIARIES:
        yield from _polar(asked, answer)
        return
    start = 1 if asked[0].text in _PREPOSITIONS else 0
    if asked[start].text not in ASKING:
        return
    asked = asked[start:]
    for said in _answers(answer):
        yield from _placed(asked, said)


def _answers(answer: Row) -> Iterator[Row]:
    """The answer, and without or with a preposition."""
    yield answer
    if answer[0].text in _PREPOSITIONS:
        yield answer[1:]
    else:
        for word in _PREPOSITIONS[:3]:
            yield (Token("word", word), *answer)


def _placed(asked: Row, answer: Row) -> Iterator[Row]:
    word = asked[0].text
    at = next((n for n, token in enumerate(asked) if n and token.text in _AUXILIARIES), None)
    if word in ("who", "what", "which") and at != 1:
        # "Who chairs the board?", "Which river flows through Bonn?"
        yield (*answer, *asked[1:])
        if word != "who":
            yield from ((*answer, *asked[n:]) for n in (2, 3) if n < len(asked))
    if at is None:
        return
    auxiliary, rest = asked[at], asked[at + 1 :]
    nouns = asked[2 if word == "how" and asked[1].text in MEASURES else 1 : at]
    for said in (answer, (*answer, *nouns)) if nouns else (answer,):
        yield (*said, auxiliary, *rest)
        yield from _inserted(rest, auxiliary, said)


def _inserted(rest: Row, auxiliary: Token, answer: Row) -> Iterator[Row]:
    """Subject, auxiliary, verb, answer: wherever the subject may end and the answer stand."""
    for first in range(1, len(rest) + 1):
        for second in range(first, len(rest) + 1):
            yield (*rest[:first], auxiliary, *rest[first:second], *answer, *rest[second:])


def _polar(asked: Row, answer: Row) -> Iterator[Row]:
    """ "Is it open?" "Yes.\""""
    if len(answer) != 1 or answer[0].text not in ("yes", "no"):
        return
    denial = (Token("word", "not"),) if answer[0].text == "no" else ()
    for first in range(2, len(asked) + 1):
        yield (*asked[1:first], asked[0], *denial, *asked[first:])
