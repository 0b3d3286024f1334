"""(d) What a second chat turn reads: tokens evaluated / new tokens, through a session.

The first answer is forced to token ids that its text would not be tokenized into, so a session that
tokenizes earlier turns again would also evaluate them again.
"""

from collections.abc import Sequence
from dataclasses import replace

from localcollab.bench.dictated import Dictated
from localcollab.bench.figures import Figure, figure, skipped
from localcollab.bench.setting import Setting, llama_of
from localcollab.decoding.answer_text import Limits
from localcollab.events import Finished, Prompted
from localcollab.teams.session import Session
from localcollab.vocabulary import Vocabulary

_ANSWER = (
    "Take one tablet with a glass of water each morning, and ask your doctor about the others."
)
_LABEL = "second turn: tokens evaluated / new tokens"


def split_otherwise(vocabulary: Vocabulary, tokens: Sequence[int]) -> list[int]:
    """Ids of the same bytes, split at other places where the vocabulary allows it."""
    ids = {vocabulary.piece(token): token for token in range(vocabulary.n_tokens)}
    found: list[int] = []
    for token in tokens:
        piece = vocabulary.piece(token)
        cuts = ((piece[:n], piece[n:]) for n in range(1, len(piece)))
        pairs = ([ids[a], ids[b]] for a, b in cuts if a in ids and b in ids)
        found += next(pairs, [token])
    return found


def second_turn(setting: Setting) -> Figure:
    """Counted, not timed. Tokens that an expert reads twice count as evaluated as well."""
    canonical = setting.vocabulary.encode(_ANSWER)
    answer = split_otherwise(setting.vocabulary, canonical)
    if answer == canonical:
        return skipped("second_turn_tokens", _LABEL, "no other ids write the same text")
    model = Dictated(setting.team.model)
    session = Session(replace(setting.team, model=model, speculation=None))
    setting.forget()
    llamas = [llama_of(member) for member in setting.members]
    before = [llama.n_evaluated for llama in llamas]
    end_first, _ = _turn(session, model, "How should I take it?", answer)
    after_first = llamas[0].n_evaluated
    end_second, n_reread = _turn(session, model, "And in the evening?", answer)
    n_evaluated = llamas[0].n_evaluated - after_first
    # An expert reads each token at most once.
    n_twice = sum(
        max(0, llama.n_evaluated - n - end_second)
        for llama, n in zip(llamas[1:], before[1:], strict=True)
    )
    return figure(
        "second_turn_tokens", _LABEL, [(n_evaluated + n_twice) / (end_second - end_first)],
        f"{n_evaluated} evaluated, {end_second - end_first} new, after an answer of {len(answer)} ids "
        f"whose text is {len(canonical)}",
        n_evaluated=n_evaluated, n_new=end_second - end_first, n_reread=n_reread,
        n_twice_by_experts=n_twice,
    )  # fmt: skip


def _turn(
    session: Session, model: Dictated, question: str, answer: Sequence[int]
) -> tuple[int, int]:
    """Where the tokens read in this turn end, the last written one being read in the next; n_reread."""
    n_prompt = n_reread = 0
    for event in session.ask(question, limits=Limits(max_tokens=len(answer))):
        if isinstance(event, Prompted):
            n_prompt, n_reread = event.n_tokens, event.n_reread
            model.dictate(n_prompt, answer)
        elif isinstance(event, Finished):
            assert list(event.tokens) == list(answer)
    return n_prompt + len(answer) - 1, n_reread
