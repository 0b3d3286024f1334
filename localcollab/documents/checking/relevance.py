"""Whether a statement answers the question: the second verdict, apart from whether it is supported.

It says no only where it is sure: another kind of thing was asked for, or the two share no content word.
"""

from collections.abc import Sequence
from itertools import pairwise

from localcollab.documents.checking.detection import language_of
from localcollab.documents.checking.language import Language
from localcollab.documents.checking.questions import ASKING, is_fragment
from localcollab.documents.checking.tokens import Token, tokens

_COUNTED = frozenset({"many", "much"})
_N_SHARED = 4
"""Letters at the beginning of two words that count as one."""


def answers(question: str, statement: str) -> bool | None:
    """None: no question was asked, or in a language whose questions are not understood."""
    language = language_of(question, language_of(statement))
    asked, said = tokens(question, language), tokens(statement, language, is_claim=True)
    if language.code != "en" or not asked:
        return None
    if not _is_of_the_kind(asked, said):
        return False
    return is_fragment(said, language) or _share_a_word(asked, said, language)


def _is_of_the_kind(asked: Sequence[Token], said: Sequence[Token]) -> bool:
    """A number, or its like, for "how many" and "how much"."""
    words = [token.text for token in asked]
    counts = any(a == "how" and b in _COUNTED for a, b in pairwise(words))
    if counts:
        return any(token.kind == "number" or token.text in _AMOUNTS for token in said)
    return True


_AMOUNTS = frozenset(
    ["no", "none", "all", "most", "some", "many", "few", "several", "half", "every", "both", "a"]
)
"""What may answer "how many" besides a number."""


def _share_a_word(asked: Sequence[Token], said: Sequence[Token], language: Language) -> bool:
    """Whether something the question is about is in the statement."""
    about = _content(asked, language)
    return not about or bool(about & _content(said, language))


def _content(row: Sequence[Token], language: Language) -> set[str]:
    free = (
        language.common | language.articles | language.auxiliaries | language.prepositions | ASKING
    )
    return {t.text[:_N_SHARED] for t in row if t.kind != "mark" and t.text not in free}
