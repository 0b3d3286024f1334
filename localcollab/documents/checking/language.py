"""What the check knows about one language."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """Closed classes of words, folded. `UNKNOWN` has none, so nothing is free in it."""

    code: str
    common: frozenset[str] = frozenset()
    """Function words that tell the language."""
    articles: frozenset[str] = frozenset()
    """May come and go. Empty where they tell who does what (German)."""
    additions: frozenset[str] = frozenset()
    """Words that only link a sentence to the one before ("also"): may be left out."""
    restrictions: frozenset[str] = frozenset()
    """Negation, condition, exception, modality, quantifier, bound, time: never left out."""
    benign: frozenset[str] = frozenset()
    """The part of `restrictions` that restricts nothing outside its own aside: "each", "about"."""
    negations: frozenset[str] = frozenset()
    """The part of `restrictions` that reverses a sentence."""
    speech: tuple[str, ...] = ()
    """Stems of verbs and nouns by which somebody else says, thinks, plans or doubts something."""
    coordinators: frozenset[str] = frozenset()
    """"and"."""
    aside_starts: frozenset[str] = frozenset()
    """First words of an aside between commas that says something more."""
    relatives: frozenset[str] = frozenset()
    """Which a preposition may stand before at the start of an aside: "of whom"."""
    aside_endings: tuple[str, ...] = ()
    """Endings of a first word that make it a participle: "payable", "ranking"."""
    conditional_starts: frozenset[str] = frozenset()
    """Words with such an ending that restrict all the same: "assuming", "excluding"."""
    auxiliaries: frozenset[str] = frozenset()
    past: frozenset[str] = frozenset()
    """Irregular pasts, to recognise a verb."""
    past_ending: str = ""
    irregular_pasts: tuple[tuple[str, str], ...] = ()
    """(base, past)."""
    copulas: tuple[frozenset[str], ...] = ()
    """Forms that differ in number only."""
    plurals: tuple[tuple[str, str], ...] = ()
    """Endings that differ in number or case only: (one, other)."""
    irregular: tuple[tuple[str, str], ...] = ()
    """Words that differ in number only."""
    least_inflected: int = 4
    numbers: tuple[tuple[str, int], ...] = ()
    months: tuple[str, ...] = ()
    decimal_comma: bool = False
    limiting_sentences: frozenset[str] = frozenset()
    """First words of a sentence that limits the one before it: "However"."""
    void_headings: frozenset[str] = frozenset()
    """Words of a heading under which nothing is stated: "Rejected"."""
    prepositions: frozenset[str] = frozenset()
    scheduled: frozenset[str] = frozenset()
    """Verbs whose present says what will be: "costs" = "will cost"."""
    future: str = ""
    measures: frozenset[str] = frozenset()
    """Nouns that add nothing to a number: "value", "amount"."""
    pronouns: frozenset[str] = frozenset()
    """Of the third person, as a subject."""

    def restricts(self, word: str) -> bool:
        """Whether a sentence without `word` may say something else."""
        return word in self.restrictions or word.startswith(self.speech)

    def reaches_out(self, word: str) -> bool:
        """Whether `word` in an aside may change what is said outside of it."""
        return self.restricts(word) and word not in self.benign


UNKNOWN = Language(code="")


def pairs_of(text: str) -> Iterator[tuple[str, str]]:
    """Every two words of a text block."""
    words = text.split()
    return zip(words[::2], words[1::2], strict=True)


def words_of(text: str) -> frozenset[str]:
    """The words of a text block, for the tables of the languages."""
    return frozenset(text.split())
