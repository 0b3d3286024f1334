"""Going back: what was written turns out wrong, is taken back, and is written again in another way.

A loop (`repetition`): its first copy stays, the token that began the second one may not follow it, and
from there on DRY keeps the answer from repeating itself. A span that a trigger doubts (`triggers`):
others write it (`rewriting`), and what all together find likelier stays. Never changes an answer in
which nothing triggers: until then no model is read.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from localcollab.decoding.answer_text import Answer
from localcollab.decoding.prompt_words import PromptWords
from localcollab.decoding.repetition import Loop
from localcollab.decoding.rewriting import Alternative, First, marginal, write
from localcollab.decoding.sampling import Sampler, Sampling, make_sampler
from localcollab.decoding.triggers import Span, Trigger
from localcollab.decoding.written_spans import Place, WrittenSpans
from localcollab.decoding.written_token import log
from localcollab.events import Confidence, Event, Finished, Retracted, Token
from localcollab.language_model import Float32Array, LanguageModel, OnChunk, Reading

MOST = 3
"""Times that one answer goes back."""
MOST_EXTRA = 0.25
"""Of the tokens of prompt and answer: so many more may be written for it."""
DRY_MULTIPLIER = 0.8
"""llama.cpp's usual value."""

Copies = Callable[[Sequence[int]], tuple[Mapping[int, float], float]]
"""tokens -> (token -> share, weight) of what the passages say next."""
Others = Callable[[Sequence[int], Reading], Iterator[tuple[str, Float32Array]]]
"""(tokens, the team's reading after them) -> who else may write next, likeliest first, with logits."""


@dataclass(frozen=True, slots=True)
class Doubts:
    """What a team is doubted by, and who may write in its place. Without triggers: loops alone."""

    triggers: tuple[Trigger, ...] = ()
    members: tuple[str, ...] = ()
    """Of the team, the base first, in the order of `p_defer`."""
    others: Others = lambda tokens, reading: iter(())
    quoting: LanguageModel | None = None
    """The team, copying from the passages while it writes: P = (1 - w) P_member + w P_copy."""
    copies: Copies = lambda tokens: ({}, 0.0)
    """That P_copy and w."""
    p_right: Callable[[Span], float | None] | None = None
    """How likely a span is right; None: nobody has learned that."""
    holds: bool = False
    """Tokens are held back until they stay; a loop, which is long, ends the answer."""


@dataclass(frozen=True, slots=True)
class Again:
    """What stands in the place of what was taken back."""

    retracted: Retracted
    tokens: tuple[Token, ...] = ()
    """Empty where a loop is taken back: the answer goes on from there."""
    ended: bool = False


class SecondThoughts:
    """Of one answer: how its tokens are drawn, what is known of them, and what was taken back."""

    def __init__(
        self,
        sampling: Sampling,
        model: LanguageModel,
        prompt: Sequence[int],
        known: PromptWords,
        doubts: Doubts | None,
    ) -> None:
        """`doubts` None: never goes back."""
        self._sampling, self._model, self._left = sampling, model, MOST if doubts else 0
        self._doubts, self._known = doubts or Doubts(), known
        self._sample = make_sampler(sampling, model.vocabulary.piece)
        self._forbidden: dict[int, set[int]] = {}
        """By length of the text before."""
        self._prompt, self._extra = tuple(prompt), 0
        self._spans = WrittenSpans(self._doubts.members)

    @property
    def leaves_loops(self) -> bool:
        """Whether a loop is taken back rather than the end of the answer."""
        return self._left > 0 and not self._doubts.holds

    @property
    def n_settled(self) -> int:
        """Tokens of the answer that no trigger can take back any more."""
        if not self._left or not self._doubts.triggers:
            return sys.maxsize
        return self._spans.n_settled([trigger.name for trigger in self._doubts.triggers])

    @property
    def n_extra(self) -> int:
        """Tokens written in vain for spans."""
        return self._extra

    def sample(self, logits: Float32Array, tokens: Sequence[int]) -> int:
        """The next token, drawn as a plain sampler does until something was taken back."""
        forbidden = self._forbidden.get(len(tokens))
        if forbidden:
            logits = logits.copy()
            logits[sorted(forbidden)] = -np.inf
        return self._sample(logits, tokens)

    def note(self, reading: Reading, token: int, author: str) -> None:
        """What is known of a token of the answer when it is written."""
        if not self._doubts.triggers:
            return
        self._spans.add(reading, token, author)

    def note_end(self, reading: Reading) -> None:
        """The answer ends."""
        if self._doubts.triggers:
            self._spans.add_end(reading)

    def confidences(self, answer: Answer) -> tuple[Confidence, ...]:
        """Of the spans that stand in the answer, where a head tells."""
        p_right, decode = self._doubts.p_right, self._model.vocabulary.decode
        if p_right is None:
            return ()
        spans = (self._spans.span(each, answer.tokens, decode) for each in self._spans.places)
        found = ((span, p_right(span)) for span in spans)
        return tuple(Confidence(span.author, span.words, p) for span, p in found if p is not None)

    def take_back(self, loop: Loop, answer: Answer) -> Retracted:
        """All copies but the first."""
        self._left -= 1
        taken = answer.tokens[loop.start + loop.period :]
        event = answer.take_back(loop.start + loop.period)
        self._spans.forget(len(answer.tokens))
        n_tokens = len(self._prompt) + len(answer.tokens)
        self._forbidden.setdefault(n_tokens, set()).add(taken[0])
        self._sample = self._sampler()
        return event

    def again(
        self, answer: Answer, most: int, *, ended: bool, on_chunk: OnChunk | None = None
    ) -> Again | None:
        """What is written in place of the first doubted span and all behind it; None where nothing is
        doubted, or what was written stays. `most`: tokens that the answer may have; `ended`: it ends."""
        if not self._left or not self._doubts.triggers:
            return None
        for trigger in self._doubts.triggers:
            n_ahead = 0 if ended else trigger.n_ahead
            for place in self._spans.due(trigger.name, n_ahead):
                span = self._spans.span(place, answer.tokens, self._model.vocabulary.decode)
                is_whole = ended or span.ends_word
                why = trigger.doubt(span) if is_whole or trigger.is_early else None
                if not is_whole and not why:
                    break
                self._spans.decide(trigger.name)
                if why and answer.is_whole(place.start):
                    found = self._better(trigger, span, place, answer, most, on_chunk)
                    if found is not None:
                        return self._exchanged(place, found, answer, why)
        return None

    def _better(
        self,
        trigger: Trigger,
        span: Span,
        place: Place,
        answer: Answer,
        most: int,
        on_chunk: OnChunk | None,
    ) -> Alternative | None:
        """The likeliest alternative, if it is likelier than what stands there and is not doubted.

        With the documents' help, the first that is."""
        allowed = int(MOST_EXTRA * (len(self._prompt) + len(answer.tokens)))
        written = answer.tokens[place.start :]
        prefix = [*self._prompt, *answer.tokens[: place.start]]
        best: Alternative | None = None
        # What is taken back, or read again where it stays, counts as well.
        spent, kept = len(written), 0
        if spent >= allowed - self._extra:
            return None
        for first in self._firsts(trigger, span, prefix, written[0], on_chunk):
            room = min(allowed - self._extra - spent, most - place.start)
            if room < 1:
                break
            found = write(
                first, prefix, self._known, self._doubts.members,
                base=next(iter(self._doubts.members), ""), n_ahead=trigger.n_ahead, at_most=room,
                on_chunk=on_chunk,
            )  # fmt: skip
            spent += room if found is None else len(found.tokens)
            if found is None or not self._is_better(found, best, first, place, prefix, written):
                continue
            if trigger.doubt(found.span(self._model, span.author, span.before)) is None:
                best, kept = found, len(found.tokens)
                if first.token is None:
                    break
        self._extra += spent - kept
        return best

    def _firsts(
        self,
        trigger: Trigger,
        span: Span,
        prefix: Sequence[int],
        token: int,
        on_chunk: OnChunk | None,
    ) -> Iterator[First]:
        """The documents, the next author, the base, and the same author; each but for the documents with
        another first token."""
        if trigger.quotes and self._doubts.quoting is not None:
            yield First(self._doubts.quoting)
        reading = self._model.read(prefix, on_chunk=on_chunk)
        for author, logits in self._doubts.others(prefix, reading):
            if trigger.may_write(author, span):
                row = logits.copy()
                row[token] = -np.inf
                members = {**reading.members, author: Reading(logits[None])}
                there = reading._replace(members=members)
                yield First(self._model, int(row.argmax()), author, there)

    def _is_better(
        self,
        found: Alternative,
        best: Alternative | None,
        first: First,
        place: Place,
        prefix: Sequence[int],
        written: Sequence[int],
    ) -> bool:
        """Than the best so far, and than what was written, as far as it goes on from the span."""
        if tuple(token.id for token in found.tokens) == tuple(written[: len(found.tokens)]):
            return False
        if best is not None:
            return found.logprob > best.logprob
        together = self._spans.together(place.start)
        if first.reading is not None:
            together[0] = marginal(first.reading, written[0], self._doubts.members)
        else:
            together = [
                self._with_copies([*prefix, *written[:n]], token, together[n])
                for n, token in enumerate(written)
            ]
        return found.logprob > sum(together) / len(together)

    def _with_copies(self, tokens: Sequence[int], token: int, logprob: float) -> float:
        """log P of `token` where the members may copy, from what they find without."""
        shares, weight = self._doubts.copies(tokens)
        return log((1 - weight) * float(np.exp(logprob)) + weight * shares.get(token, 0.0))

    def _exchanged(self, place: Place, found: Alternative, answer: Answer, why: str) -> Again:
        self._left -= 1
        back = answer.take_back(place.start, why, place.author)
        self._spans.forget(place.start)
        for token in found.tokens:
            self._spans.add_decided(token.author, token.probability)
        self._spans.decide_all([trigger.name for trigger in self._doubts.triggers])
        return Again(back, found.tokens, found.ended)

    def _sampler(self) -> Sampler:
        # Lines repeat each other, too, so nothing breaks a repetition here.
        multiplier = max(self._sampling.dry_multiplier, DRY_MULTIPLIER)
        return make_sampler(replace(self._sampling, dry_multiplier=multiplier))


def settled(events: Iterator[Event], thoughts: SecondThoughts) -> Iterator[Event]:
    """The events of an answer without what is taken back: each token when it stays, which is a span and
    what its triggers read on (`AHEAD` tokens, or the rest of a word) later."""
    held, n_out = deque[Token](), 0
    for event in events:
        match event:
            case Token():
                held.append(event)
            case Retracted(n_tokens=n_tokens):
                for _ in range(n_tokens):
                    held.pop()
            case Finished():
                yield from held
                held.clear()
                yield event
            case _:
                yield event
        while held and n_out < thoughts.n_settled:
            yield held.popleft()
            n_out += 1
