"""Answers of small models from documents.

They copy headings as text and lose the question among passages. So they are sent the
sentences that the question most likely asks about, and answer with a span of them; for a tiny model the
program chooses it, which it does better. Where one sentence surely answers, it is the answer itself;
where none is about what is asked, that is.
"""

from dataclasses import replace

from localcollab.decoding.answer_text import Limits
from localcollab.documents.answer.events import Sources
from localcollab.documents.answer.excerpts import NOWHERE, SURE, in_order, ranked_sentences
from localcollab.documents.answer.likely_words import likeliest
from localcollab.documents.answer.prompts import SHORT_LIMITS
from localcollab.documents.answer.reciting import Reciting
from localcollab.documents.answer.spans import Span
from localcollab.documents.checking.detection import language_of
from localcollab.documents.checking.statements import not_said
from localcollab.documents.collection import Collection
from localcollab.language_model import LanguageModel
from localcollab.teams.defaults import CHAT_MAX_TOKENS
from localcollab.teams.opened import OpenTeam

_SMALL = 1_000_000_000
"""Parameters of all members: below, a model is sent a few sentences."""
_TINY = 200_000_000
"""Below, the program chooses the words (`scripts/experiments/answers.py`: SmolLM2 135M, Gemma 270M)."""
_N_SENTENCES = 2
LONGEST = 50
"""Words of a sentence that is an answer; from a longer one the model takes some."""


def is_small(team: OpenTeam) -> bool:
    """By its own weights; a team without any, as in tests, is not."""
    return 0 < _n_parameters(team) < _SMALL


def _n_parameters(team: OpenTeam) -> int:
    return sum(context.weights.n_parameters for context in team.contexts)


def in_short(sources: Sources, team: OpenTeam, collection: Collection, question: str) -> Sources:
    """With the sentences that are sent to a small team, and the passages they are of; or with the answer
    itself."""
    ranked = ranked_sentences(sources.passages, question, collection.rarity)
    if not ranked:
        return sources
    best, chosen, recited = ranked[0], in_order(ranked[:_N_SENTENCES]), ""
    if best.score >= SURE and len(best.text.split()) <= LONGEST:
        recited, chosen = " ".join(best.text.split()), [best]
    elif best.score < NOWHERE or not best.is_about:
        recited = not_said(language_of(question).code)
    elif _n_parameters(team) < _TINY:
        recited = likeliest(ranked[:_N_SENTENCES], question, collection.rarity)
    numbers = {sentence.passage for sentence in chosen}
    kept = [passage for passage in sources.passages if passage.number in numbers]
    passages = tuple(replace(passage, number=n) for n, passage in enumerate(kept, start=1))
    excerpt = tuple(sentence.text for sentence in chosen)
    return replace(sources, passages=passages, excerpt=excerpt, n_left_out=0, recited=recited)


def in_few_words(
    model: LanguageModel, sources: Sources, n_prompt: int, limits: Limits
) -> tuple[LanguageModel, Limits]:
    """What answers in a small model's place, and how much it may say."""
    if not sources.recited:
        return Span(model, " ".join(sources.excerpt), n_prompt), _short(limits)
    reciting = Reciting(model, sources.recited, n_prompt)
    most = min(limits.max_tokens or reciting.n_tokens, reciting.n_tokens)
    return reciting, replace(limits, max_tokens=most, stop=())


def _short(limits: Limits) -> Limits:
    """One line; no more tokens than a short answer has, unless another number was asked for."""
    is_asked = limits.max_tokens not in (None, CHAT_MAX_TOKENS)
    most = limits.max_tokens if is_asked else SHORT_LIMITS.max_tokens
    return replace(limits, max_tokens=most, stop=(*limits.stop, *SHORT_LIMITS.stop))
