"""The terms of a text as an index stores them, and the terms by which a query finds them.

An index holds, for each text, its *main* terms in the order of the words: stems with their accents, or
pairs of characters. Its *further* terms are the stems of words typed without accents, where they
differ, in languages that write compounds as one word the reversed stems of long words, which begin
with the word's end (so `versicherung` finds `krankenversicherung`), and in languages of many endings
first letters. Both are separated by blanks; FTS5 reads them by `TOKENIZER`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from localcollab.terms.cutting import Cut, cut, is_dense, lone, pairs, units, words_of
from localcollab.terms.folding import TURKIC, normal, normal_in, plain
from localcollab.terms.stemming import stem, stemmers_version

TOKENIZER = "ascii tokenchars '~'"
"""FTS5's, for terms separated by blanks: all letters outside of ASCII are letters to it."""
_VERSION = 2
_LINKS: Mapping[str, tuple[str, ...]] = {
    "da": ("", "s", "e"), "de": ("", "s", "n", "es", "en", "er", "e"), "et": ("",), "fi": ("", "n"),
    "hu": ("",), "nl": ("", "s", "en", "e"), "no": ("", "s", "e"), "sv": ("", "s"),
}  # fmt: skip
"""Languages that write compounds as one word, and what they put between the parts."""
COMPOUNDING = frozenset(_LINKS)
SUFFIXING = frozenset(
    ["be", "bg", "cs", "el", "et", "eu", "fi", "hu", "lt", "lv", "mk", "pl", "ro", "ru", "sk", "sl", "sr",
     "tr", "uk"]
)  # fmt: skip
"""Languages of many endings, which a stemmer cuts at different places: words are also compared by their
first letters (Can et al., Information retrieval on Turkish texts, 2008)."""
_KEPT = 5
LEAST_PART = 4
"""Letters of a word in a compound."""
_REVERSED = "~"
MAIN = "{heading text}"
"""FTS5's filter for main terms."""


class Terms(NamedTuple):
    """The columns of an index: `heading` and `text` are main terms, `further` is of both."""

    main: str
    further: str


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a query, in all languages of the index."""

    forms: tuple[str, ...]
    """FTS5 phrases, any of which is the word."""
    text: str
    """Normal."""
    is_dense: bool = False
    is_accented: bool = False

    @property
    def query(self) -> str:
        """A word typed without accents is found by the further terms too; another one counts once."""
        any_of = " OR ".join(self.forms)
        return f"({MAIN} : ({any_of}))" if self.is_accented else any_of


def version() -> str:
    """Of the terms: an index of another version must be made again."""
    return f"{_VERSION} {stemmers_version()}"


def plain_terms(text: str) -> list[str]:
    """Of a text in any language: no stems, no accents."""
    cuts = cut(normal(text))
    return [
        term
        for each in cuts
        for term in (pairs(each.text) if each.is_dense else [plain(each.text)])
    ]


def plain_phrase(text: str) -> list[str]:
    """The terms that follow one another where the text stands; the last one may go on."""
    cuts = list(cut(normal(text)))
    return [
        term
        for each in cuts
        for term in (_dense(each.text) if each.is_dense else [plain(each.text)])
    ]


@lru_cache(maxsize=8)
def terms(text: str, language: str) -> Terms:
    """Of a text to be indexed."""
    found = [
        Terms(" ".join(pairs(word)), "") if is_dense(word) else _of_word(word, language)
        for word in words_of(normal_in(text, language))
    ]
    return Terms(
        " ".join([each.main for each in found]),
        " ".join([each.further for each in found if each.further]),
    )


@lru_cache(maxsize=50_000)
def _of_word(word: str, language: str) -> Terms:
    kept, typed = stem(word, language), plain(word)
    bare = kept if typed == word else stem(typed, language)
    further = [bare] if bare != kept else []
    if language in COMPOUNDING and len(word) >= 2 * LEAST_PART:
        further.append(_REVERSED + bare[::-1])
    if language in SUFFIXING:
        further.append(_beginning(word))
    return Terms(kept, " ".join(further))


def words(text: str, languages: Sequence[str]) -> list[Word]:
    """The words of a query. A pair of characters is a word; so is a character that stands alone, or
    as a Chinese one among Japanese letters."""
    cuts = list(cut(normal(text)))
    others = _spelled_otherwise(text, len(cuts), languages)
    return [
        word
        for n, each in enumerate(cuts)
        for word in _words(each, languages, tuple(other[n] for other in others))
    ]


def characters(text: str) -> list[Word]:
    """Of scripts without blanks, each as a word: for a sentence none of whose pairs occurs."""
    dense = [each for each in cut(normal(text)) if each.is_dense]
    return [_character(unit) for each in dense for unit in units(each.text)]


def phrases(text: str, languages: Sequence[str]) -> list[str]:
    """FTS5 phrases, any of which is the whole text; none for a text without words."""
    found = []
    for language in languages or ("",):
        cuts = list(cut(normal_in(text, language)))
        if not cuts:
            return []
        for form in (lambda word: word, plain):
            last, terms_ = cuts[-1], []
            for each in cuts:
                terms_ += _dense(each.text) if each.is_dense else [stem(form(each.text), language)]
            starts = " *" if last.is_dense else ""
            found.append(f"{_quoted(' '.join(terms_))}{starts}")
    return list(dict.fromkeys(found))


def compounds_of(word: Word, languages: Iterable[str]) -> list[str]:
    """FTS5 phrases of longer words that begin or end with the word; none where none are written."""
    if word.is_dense or len(word.text) < LEAST_PART + 1 or word.text.isdigit():
        return []
    bare, found = plain(word.text), []
    for language in languages:
        if language in COMPOUNDING:
            found += [_quoted(_REVERSED + stem(bare, language)[::-1]) + " *", _quoted(bare) + " *"]
    return list(dict.fromkeys(found))


def beginnings_of(word: Word, languages: Iterable[str]) -> list[str]:
    """FTS5 phrases of words that begin as it does; none where stems are trusted."""
    if word.is_dense or not SUFFIXING.intersection(languages):
        return []
    return [_quoted(_beginning(word.text))]


def _beginning(word: str) -> str:
    return plain(word)[:_KEPT] + _REVERSED


def parts_of(word: Word, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
    """FTS5 phrases of the two parts of each division of a compound, the longest last part first."""
    bare = plain(word.text)
    if word.is_dense or len(bare) < 2 * LEAST_PART:
        return
    for at in range(LEAST_PART, len(bare) - LEAST_PART + 1):
        first, last = bare[:at], bare[at:]
        for language in languages:
            for link in _LINKS[language]:
                if first.endswith(link) and at - len(link) >= LEAST_PART - 1:
                    start = first.removesuffix(link)
                    yield _quoted(stem(start, language)), _quoted(stem(last, language))


def _spelled_otherwise(
    text: str, n_words: int, languages: Sequence[str]
) -> list[list[tuple[str, str]]]:
    """(language, word) of each word, in languages with capitals of their own."""
    found = []
    for language in TURKIC.intersection(languages):
        words_ = words_of(normal_in(text, language))
        if len(words_) == n_words:
            found.append([(language, word) for word in words_])
    return found


def _words(
    each: Cut, languages: Sequence[str], others: Sequence[tuple[str, str]] = ()
) -> list[Word]:
    if each.is_dense:
        found = [Word((_quoted(term),), term, is_dense=True) for term in pairs(each.text)[:-1]]
        return found + [_character(one) for one in lone(each.text)]
    bare = plain(each.text)
    forms = [stem(w, language) for language in languages or ("",) for w in (each.text, bare)]
    forms += [stem(word, language) for language, word in others if word != each.text]
    quoted = tuple(map(_quoted, dict.fromkeys(forms)))
    return [Word(quoted, each.text, is_accented=bare != each.text)]


def _character(unit: str) -> Word:
    """Every character begins a term."""
    return Word((f"{_quoted(unit)} *",), unit, is_dense=True)


def _dense(run: str) -> list[str]:
    """As in a query: pairs only, unless the run is one character."""
    return pairs(run)[:-1] or pairs(run)


def _quoted(term: str) -> str:
    return f'"{term}"'
