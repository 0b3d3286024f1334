"""An English question and its answer as one statement.

"When was it built?", "1851" -> "It was built in 1851." Plain rules: most are worded as a person would
word them, the others keep their words in an odd order. For measurements alone.
"""

import re

from localcollab.documents.checking.languages.en import ENGLISH

_ASKING = frozenset(["who", "whom", "whose", "what", "which", "when", "where", "how", "why"])
_BE = frozenset(["is", "are", "was", "were"])
_DO = frozenset(["did", "does", "do"])
_AUXILIARIES = _BE | _DO | frozenset(
    ["has", "have", "had", "can", "could", "will", "would", "may", "might", "must", "should"]
)  # fmt: skip
_BEFORE = frozenset(
    ["in", "on", "at", "by", "for", "from", "to", "of", "with", "under", "during", "about", "after"]
)
_DETERMINERS = frozenset(
    ["the", "a", "an", "his", "her", "its", "their", "these", "those", "this", "that"]
)
_PARTICIPLE = re.compile(r".*(?:ed|en|wn)$")
_NO_PARTICIPLES = frozenset(["when", "then", "children", "women", "men"])
_PASTS = dict(ENGLISH.irregular_pasts)
_MOST_NOUNS = 4
"""Words between "which" and its verb."""


def worded(question: str, answer: str) -> str:
    words = question.strip().rstrip("?. ").split()
    low = [word.lower().strip(",") for word in words]
    at = next((n for n, word in enumerate(low) if word in _ASKING), None)
    if at is None:
        return _sentence([*words, answer])
    if at > 1 or (at == 1 and low[0] not in _BEFORE):
        return _sentence([*words[:at], answer])
    before = [words[0].lower()] if at else []
    return _sentence(_placed(words[at:], low[at:], before, answer))


def _placed(words: list[str], low: list[str], before: list[str], answer: str) -> list[str]:
    auxiliary = next((n for n in range(1, len(low)) if low[n] in _AUXILIARIES), None)
    if auxiliary is None or (auxiliary > _MOST_NOUNS and low[0] == "who"):
        return [*before, answer, *words[_verb_at(low) :]]
    said = [answer, *words[2:auxiliary]] if low[0] == "how" else [answer]
    if low[0] in ("when", "where") and answer.split()[0].lower() not in _BEFORE:
        before = ["in"]
    rest, verb = words[auxiliary + 1 :], low[auxiliary]
    end = _subject_end(rest, verb) if rest else 0
    if not rest or (verb in _BE and end == 0):
        return [*before, *said, *words[1:auxiliary], verb, *rest]
    subject, predicate = rest[:end], rest[end:]
    if verb in _DO and predicate:
        return [*subject, _inflected(predicate[0], verb), *predicate[1:], *before, *said]
    return [*subject, verb, *predicate, *before, *said]


def _verb_at(low: list[str]) -> int:
    """Of "which river flows through Bonn": where the noun has ended."""
    if low[0] not in ("what", "which", "whose", "how"):
        return 1
    behind = range(2, len(low))
    return next((n for n in behind if re.search(r"(?:ed|[^s]s)$", low[n])), 1)


def _subject_end(rest: list[str], auxiliary: str) -> int:
    low = [word.lower() for word in rest]
    if auxiliary in _BE:
        return next((n for n, word in enumerate(low) if _is_participle(word)), len(low))
    is_open = True
    for n, word in enumerate(low):
        if word in _DETERMINERS | {"of", "in", "and", "for"}:
            is_open = True
        elif is_open:
            is_open = False
        elif (
            not rest[n][0].isupper() and not rest[n][0].isdigit() and low[n - 1] not in _DETERMINERS
        ):
            return n
    return len(low)


def _is_participle(word: str) -> bool:
    return (bool(_PARTICIPLE.match(word)) and word not in _NO_PARTICIPLES) or word in ENGLISH.past


def _inflected(verb: str, auxiliary: str) -> str:
    """The verb with the tense of "did" or "does"."""
    if auxiliary == "do":
        return verb
    if auxiliary == "does":
        return "has" if verb == "have" else verb + ("es" if verb.endswith(("s", "h", "x")) else "s")
    if verb in _PASTS:
        return _PASTS[verb]
    return re.sub(r"(?<=[^aeiou])y$", "i", verb).removesuffix("e") + "ed"


def _sentence(words: list[str]) -> str:
    text = " ".join(" ".join(words).split())
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
