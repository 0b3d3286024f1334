"""Which of the known languages a text is written in."""

import re
from functools import cache

from localcollab.documents.checking.language import UNKNOWN, Language, words_of
from localcollab.documents.checking.languages.de import GERMAN
from localcollab.documents.checking.languages.en import ENGLISH
from localcollab.documents.checking.languages.es import SPANISH
from localcollab.documents.checking.languages.fr import FRENCH
from localcollab.documents.checking.languages.it import ITALIAN

KNOWN = (ENGLISH, GERMAN, SPANISH, FRENCH, ITALIAN)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_OTHERS = (
    "o os a as um uma do da dos das em na não é são com para por mais que ao foi se de",
    "de het een van en op te dat die voor met zijn niet aan er om ook als bij door naar",
    "och att det som en på är av för med den till inte ett om har de han var i",
    "og det som en på er af med den til ikke et om har de han var",
    "nie się jest na że jak po od za przez oraz",
    "și în de la nu este cu pe un din sau care mai pentru fi",
    "els les el la de i en amb és un una per que no del al com",
    "ve bir bu da için ile değil olan en çok daha gibi",
    "je se na že jako pro není byl nebo ale",
    "ja ei se että oli ovat joka kun mutta tai",
    "a az és hogy nem egy van ha de csak még meg",
)
"""Function words of languages that the check does not know."""


def language_of(text: str, default: Language = UNKNOWN) -> Language:
    """The language whose function words occur most often; `default` where none occurs, or two
    equally often.

    Languages that have no file are told apart from those that do, so that none passes for its
    neighbour.
    """
    words = [word.casefold().replace("’", "'") for word in _WORD.findall(text)]
    best = _best([sum(word in known.common for word in words) for known in _candidates()])
    if not best and words:
        best = _best([sum(_is_of(word, known) for word in words) for known in _candidates()])
    # Between ENGLISH and others nothing is lost: what may be left out needs English words around it.
    if len(best) == 1 or (ENGLISH in best and default is UNKNOWN):
        return best[0] if best[0].code else UNKNOWN
    return default


def _best(counts: list[int]) -> list[Language]:
    """Those with the highest count; none if nothing was counted."""
    most = max(counts)
    return [known for known, n in zip(_candidates(), counts, strict=True) if n == most and n]


def _is_of(word: str, language: Language) -> bool:
    """A weaker sign than the commonest words."""
    if language is ENGLISH and word.endswith("n't"):
        return True
    return word in language.restrictions | language.auxiliaries | language.prepositions


@cache
def _candidates() -> tuple[Language, ...]:
    return (*KNOWN, *(Language(code="", common=words_of(words)) for words in _OTHERS))
