"""Which language a text is written in, by its script and its most frequent words (`frequent_words`).

Enough to choose a stemmer for a paragraph. A text of a few words, or of none of these languages, has the
language "" (unknown).
"""

from collections import Counter
from collections.abc import Sequence
from functools import cache

from localcollab.terms.cutting import is_dense, words_of
from localcollab.terms.folding import normal
from localcollab.terms.frequent_words import FREQUENT_WORDS

_SAMPLE = 4000
"""Characters that are looked at."""
_LEAST_SHARE = 0.08
"""Of the words: fewer frequent ones make a list or a table."""

_OF_SCRIPT = (
    ("\u0370", "\u03ff", "el"), ("\u0530", "\u058f", "hy"), ("\u0590", "\u05ff", "he"),
    ("\u0b80", "\u0bff", "ta"), ("\u0e00", "\u0e7f", "th"), ("\u3041", "\u30ff", "ja"),
    ("\u4e00", "\u9fff", "zh"), ("\uac00", "\ud7a3", "ko"),
)  # fmt: skip
"""Scripts that one language is written in, for the purpose of search."""
_LETTERS = {
    "tr": "ığ", "ro": "ță", "vi": "ơưạảấầẩậắặẻẽẹếềểễệỉịọỏốồổộớờởợụủứừửữựỳỵỷỹ", "pl": "łżśćńź",
    "cs": "řěů", "hu": "őű", "es": "ñ", "pt": "ãõ", "is": "ðþ", "lv": "ķļņģ", "lt": "ėųį",
}  # fmt: skip
"""Letters that hardly another language writes."""
_WORTH_OF_LETTERS = 0.5
"""Of a word that has one, beside a frequent word; of two words or more, because one may be a name."""
_LIKELY = (("\u0400", "\u04ff", "ru"), ("\u0600", "\u06ff", "ar"), ("\u0900", "\u097f", "hi"))
"""The language of a text in a script of several whose words do not tell."""


def language_of(text: str, otherwise: str = "") -> str:
    """ISO 639-1; `otherwise` where the text does not tell."""
    folded = normal(text[:_SAMPLE])
    spoken = words_of(folded)
    dense = [word for word in spoken if is_dense(word)] if is_dense(folded) else []
    if 2 * sum(map(len, dense)) > sum(map(len, spoken)):
        return _of_script("".join(dense)) or otherwise
    if not folded.isascii() and (by_script := _of_script("".join(spoken))):
        return by_script
    words = Counter(spoken)
    scores = _scores(words)
    # Of two that score alike, always the same one.
    best = max(sorted(scores), key=lambda language: scores[language], default="")
    if best and scores[best] >= _LEAST_SHARE * len(spoken):
        return best
    return otherwise or _of_script("".join(words), _LIKELY)


@cache
def _own_letters() -> dict[str, frozenset[str]]:
    return {language: frozenset(normal(letters)) for language, letters in _LETTERS.items()}


def _of_script(text: str, scripts: Sequence[tuple[str, str, str]] = _OF_SCRIPT) -> str:
    counts = Counter[str]()
    for letter, n in Counter(text).items():
        for first, last, language in scripts:
            if first <= letter <= last:
                counts[language] += n
    # Japanese mixes Chinese characters with its own.
    if counts["ja"] * 10 > counts["zh"] > 0:
        return "ja"
    language, n = counts.most_common(1)[0] if counts else ("", 0)
    return language if 2 * n > len(text) else ""


def _scores(words: Counter[str]) -> dict[str, float]:
    """Occurrences of each language's frequent words, of which one that languages share counts a part for
    each, and of words with its own letters."""
    scores: dict[str, float] = {}
    known = _languages_of_words()
    for word in words.keys() & known.keys():
        languages = known[word]
        share = words[word] * (0.5 + 0.5 / len(languages))
        for language in languages:
            scores[language] = scores.get(language, 0.0) + share
    foreign = [word for word in words if not word.isascii()]
    for language, letters in _own_letters().items() if foreign else ():
        n = sum(words[word] for word in foreign if not letters.isdisjoint(word))
        if n > 1:
            scores[language] = scores.get(language, 0.0) + _WORTH_OF_LETTERS * n
    return scores


@cache
def _languages_of_words() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for language, words in FREQUENT_WORDS.items():
        for word in dict.fromkeys(normal(words).split()):
            found.setdefault(word, []).append(language)
    return {word: tuple(languages) for word, languages in found.items()}
