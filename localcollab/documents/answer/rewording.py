"""The sentence of the sources that an answer was made from, and whether the question asks about it.

`strict` shows it in the place of an answer in other words.

A right answer in other words is not supported, but its source can speak for itself. What an answer adds
to its question (numbers, names, words) must stand in that sentence, and the question must be about it;
one that adds nothing ("black and white", of two things asked about) must stand there as a whole. A
sentence that the next one limits ("However, ...") is shown with that one.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from localcollab.documents.answer.citations import Claim
from localcollab.documents.answer.events import Checked, SentPassage
from localcollab.documents.answer.excerpts import (
    SURE,
    Rarity,
    Sentence,
    holds_words,
    ranked_sentences,
)
from localcollab.documents.checking.detection import language_of
from localcollab.documents.checking.following import is_same_token
from localcollab.documents.checking.inflection import is_form_with
from localcollab.documents.checking.language import Language
from localcollab.documents.checking.questions import ASKING, MEASURES, is_fragment
from localcollab.documents.checking.sentences import sentences
from localcollab.documents.checking.source import limits
from localcollab.documents.checking.statements import statement
from localcollab.documents.checking.tokens import Token, tokens

LEAST_SCORE, LEAST_OF_ASKED = -2.3, 0.0
"""Of a sentence that holds what the answer adds, and of one that holds an answer that adds nothing:
below, the question is about something else."""
_YEAR = 4


def spoken_for(
    checked: Checked, passages: Sequence[SentPassage], question: str, rarity: Rarity
) -> Sentence | None:
    """The sentence that holds what the first claim that is not supported adds to the question."""
    claim = next(
        (c for c in checked.claims if c.support is not None and c.support != "supported"), None
    )
    return None if claim is None else source_of(claim, passages, question, rarity)


def answering(
    checked: Checked, passages: Sequence[SentPassage], question: str, rarity: Rarity
) -> Checked:
    """With `answers` left open where the question may ask about another sentence than the source of the
    supported one."""
    if not any(claim.support == "supported" and claim.answers for claim in checked.claims):
        return checked
    sure = [s for s in ranked_sentences(passages, question, rarity) if s.score >= SURE]
    claims = tuple(
        replace(claim, answers=None) if _is_open(claim, question, sure) else claim
        for claim in checked.claims
    )
    return replace(checked, claims=claims)


def _is_open(claim: Claim, question: str, sure: Sequence[Sentence]) -> bool:
    if claim.support != "supported" or not claim.answers or claim.is_computed:
        return False
    language = language_of(f"{claim.text} {question}")
    if is_fragment(tokens(claim.text, language, is_claim=True), language):
        return False  # It is supported in the question's own words.
    quotes = [(c.number, c.quote) for c in claim.citations if c.quote and c.support == "supported"]
    return not any(
        s.passage == number and start < s.end and s.start < end
        for s in sure for number, (start, end) in quotes
    )  # fmt: skip


def source_of(
    claim: Claim, passages: Sequence[SentPassage], question: str, rarity: Rarity
) -> Sentence | None:
    """Of several such sentences the one that the question asks about most likely."""
    stated = statement(claim.text)
    language = language_of(f"{stated} {question}")
    added, least = _added(stated, question, language), LEAST_SCORE
    if not added:
        free = language.common | language.articles | language.auxiliaries
        said = tokens(stated, language, is_claim=True)
        added, least = [t for t in said if t.kind != "mark" and t.text not in free], LEAST_OF_ASKED
    if not added:
        return None
    ranked = ranked_sentences(passages, question, rarity)
    found = next((s for s in ranked if s.score >= least and _holds(s, added, language)), None)
    return None if found is None else _with_limits(found, passages)


def _with_limits(sentence: Sentence, passages: Sequence[SentPassage]) -> Sentence:
    """With the sentences behind it that limit it."""
    text = next(each.text for each in passages if each.number == sentence.passage)
    end = sentence.end
    for start, behind in sentences(text):
        if start < sentence.end:
            continue
        if not limits(text[start:behind], language_of(text[start:behind])):
            break
        end = behind
    return replace(sentence, end=end, text=text[sentence.start : end])


def _added(claim: str, question: str, language: Language) -> list[Token]:
    asked = tokens(question, language)
    free = language.common | language.articles | language.auxiliaries | ASKING | MEASURES
    return [
        token for token in tokens(claim, language, is_claim=True)
        if token.kind != "mark" and token.text not in free | language.prepositions
        and not any(_is_form_of(token, other, language) for other in asked)
        and not (token.kind == "word" and holds_words(question, token.text))
    ]  # fmt: skip


def _is_form_of(token: Token, asked: Token, language: Language) -> bool:
    """Also "thought", where "did he think" was asked."""
    return is_same_token(token, asked, language) or (
        token.kind == asked.kind == "word"
        and any(is_form_with(do, asked.text, token.text, language) for do in ("did", "does"))
    )


def _holds(sentence: Sentence, added: Sequence[Token], language: Language) -> bool:
    """Whether it has all names and numbers of the answer; of one without any, all its words."""
    row = tokens(sentence.text, language)
    fixed = [token for token in added if token.kind != "word"]
    names = [token.text for token in added if token.kind == "word" and token.is_capital]
    words = names if fixed or names else [token.text for token in added]
    return holds_words(sentence.text, " ".join(words)) and all(
        any(is_same_token(token, other, language) for other in row) or _is_part(token, sentence)
        for token in fixed
    )


def _is_part(number: Token, sentence: Sentence) -> bool:
    """Whether a plain number stands in a date: 2010 in "25 February 2010"."""
    digits = number.raw if number.kind == "number" else ""
    return len(digits) == _YEAR and re.search(rf"(?<!\d){digits}(?!\d)", sentence.text) is not None
