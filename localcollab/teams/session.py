"""One conversation: messages and a team -> an iterator of events.

Keeps the token ids of its answers and splices them into the next prompt, so that a turn reads only
what is new. A conversation uses its team's caches: open another team for a second one.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from typing import Self

from localcollab.chat.template import Message
from localcollab.chat.transcript import Transcript, Turn, without_reasoning
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.decoding.repetition import units_at_end
from localcollab.decoding.sampling import Sampling
from localcollab.decoding.second_thoughts import Doubts
from localcollab.decoding.settings_used import options_used
from localcollab.errors import BadModelFile, BadOption, ContextFull
from localcollab.events import Event, Finished, Prompted, Unfamiliar
from localcollab.language_model import LanguageModel
from localcollab.methods.familiarity import unfamiliar
from localcollab.teams.doubts import doubts_of
from localcollab.teams.opened import OpenTeam

_PART, _MADE_BY_A_CUT = 4096, 8
"""Characters tokenized at once, and an upper bound of the extra tokens from splitting there."""


class Session:
    """`messages` is the conversation so far; an answer joins it when it is finished."""

    def __init__(self, team: OpenTeam, *, system: str | None = None) -> None:
        """Raises `BadOption` for a system prompt without a chat template."""
        self.team = team
        if system and team.template is None:
            raise BadOption(
                f"{team.name}: the base has no chat template, so it takes no system prompt: put it "
                "into the question"
            )
        self.messages: list[Message] = [Message("system", system)] if system else []
        self._transcript = Transcript(team.template, team.model.vocabulary)
        self._last: Turn | None = None

    @classmethod
    def restored(cls, team: OpenTeam, turns: Iterable[Turn], *, system: str | None = None) -> Self:
        """The conversation that had these turns: its next prompt has the same ids as if it had never
        ended. Nothing is evaluated yet. Raises what rendering and encoding raise."""
        past = tuple(turns)
        session = cls(team, system=system)
        if not session._follow(past):
            session = cls(team, system=system)
            for turn in past:
                messages = [*session.messages, Message("user", turn.question)]
                # Each prompt is made again, because where one ended is where its text was cut.
                session._transcript.add_past_prompt(messages)
                session._answered(turn, messages)
        return session

    def _follow(self, turns: Sequence[Turn]) -> bool:
        """Turn by turn, each rendered beside the two before it only: rendering all that stood before
        each takes the square of their number. False: this template needs that."""
        system = self.messages
        for n, turn in enumerate(turns):
            asked = Message("user", turn.question)
            messages = [*self.messages, asked]
            if n < 3:
                self._transcript.add_past_prompt(messages)
            elif not self._transcript.continue_past(system, self.messages[-4:], asked):
                return False
            if n == len(turns) - 1 and not self._transcript.writes(messages):
                return False
            self._answered(turn, messages)
        return True

    def _answered(self, turn: Turn, messages: list[Message]) -> None:
        # Ids of another vocabulary (an import may hold any): the text is tokenized instead.
        vocabulary = range(self.team.model.vocabulary.n_tokens)
        is_ours = all(token in vocabulary for token in turn.tokens)
        self._last = turn if is_ours else replace(turn, tokens=())
        self._transcript.answered(self._last.tokens)
        self.messages = [*messages, Message("assistant", without_reasoning(turn.answer))]

    def ask(
        self,
        question: str,
        sampling: Sampling | None = None,
        limits: Limits | None = None,
        *,
        stop_event: threading.Event | None = None,
        sent: str | None = None,
        takes_back: bool = False,
        doubting: Callable[[Doubts], Doubts] = lambda doubts: doubts,
    ) -> Iterator[Event]:
        """Yields `Prompted`, `Progress`, `Token`s, `Unfamiliar`, `Finished`; where the team has
        second thoughts, `Retracted` too if the caller `takes_back` what it showed, else each token
        when it stays. The question stays in the conversation only when the answer was begun. `sent`
        is read in its place this once (it holds the question, and sources); `doubting` adds to what
        the team is doubted by. Raises what `generate` and rendering raise."""
        if not question:
            raise BadOption("the question is empty: give at least one character")
        content = question if sent is None else sent
        require_room(self.team.model, content)
        sent_messages = [*self.messages, Message("user", content)]
        prompt = self._transcript.prompt(sent_messages)
        messages = [*self.messages, Message("user", question)]
        if not prompt.tokens:
            file = next(iter(self.team.verdicts.values())).path
            raise BadModelFile(
                f"{file}: its vocabulary has no token for any part of the question: use another file "
                "of this model"
            )
        self.team.expect(prompt.tokens)
        self._give(prompt.tokens, sent_messages)
        used = options_used(sampling or Sampling(), limits or Limits())
        yield Prompted(len(prompt.tokens), prompt.n_reread, options=used)
        doubts = doubts_of(self.team, question, holds=not takes_back)
        for event in generate(
            self.team.model,
            prompt.tokens,
            sampling,
            limits,
            speculation=self.team.speculation,
            second_thoughts=doubts and doubting(doubts),
            stop_event=stop_event,
        ):
            if isinstance(event, Finished):
                self._answered(Turn(question, event.text, event.tokens), messages)
                yield from self._unfamiliar(question, event)
            yield event

    def more(
        self,
        sampling: Sampling | None = None,
        limits: Limits | None = None,
        *,
        stop_event: threading.Event | None = None,
        after_loop: bool = False,
    ) -> Iterator[Event]:
        """Goes on with the last answer, from the ids it has. Yields as `ask` does; `Finished` holds only
        what was added. A loop that the answer is in may go on; `after_loop`: it was ended because of
        one. Raises `BadOption` without an answer, and what `generate` raises."""
        turn = self._last
        if turn is None:
            raise BadOption("there is no answer to go on with: ask a question first")
        prompt, n_kept = self._transcript.unfinished(turn.answer)
        vocabulary = self.team.model.vocabulary
        self.team.expect(prompt)
        kept = prompt[len(prompt) - n_kept :]
        self._give(prompt[: len(prompt) - n_kept], self.messages[:-1], again=False)
        units = units_at_end(kept, vocabulary.piece, is_loop=after_loop)
        limits = replace(limits or Limits(), allowed_loops=units)
        used = options_used(sampling or Sampling(), limits)
        yield Prompted(len(prompt), options=used, n_continued=n_kept)
        for event in generate(
            self.team.model,
            prompt,
            sampling,
            limits,
            speculation=self.team.speculation,
            stop_event=stop_event,
        ):
            if isinstance(event, Finished):
                self._went_on(turn, kept, event)
                yield from self._unfamiliar(turn.question, event)
            yield event

    def _went_on(self, turn: Turn, kept: tuple[int, ...], added: Finished) -> None:
        # Without ids the text is the answer's own: what it is tokenized into may differ a little.
        before = self.team.model.vocabulary.decode(kept) if turn.tokens else turn.answer
        self._last = Turn(turn.question, before + added.text, kept + added.tokens)
        self._transcript.answered_on(self._last.tokens)
        self.messages[-1] = Message("assistant", without_reasoning(self._last.answer))

    def prompt(self, question: str) -> list[int]:
        """The ids that asking `question` now would start from; the conversation stays as it is.

        Raises `ContextFull`, and what rendering and encoding raise."""
        require_room(self.team.model, question)
        messages = [*self.messages, Message("user", question)]
        prompt = copy(self._transcript).prompt(messages).tokens
        self._give(prompt, messages)
        return list(prompt)

    def _give(
        self, prompt: Sequence[int], messages: Sequence[Message], *, again: bool = True
    ) -> None:
        """To the members that read it in their own form; `again`: even where they have one of it."""
        for form in self.team.own_forms:
            if again or form.prompts.at_start_of(prompt)[0] < len(prompt):
                form.give(prompt, messages)

    def _unfamiliar(self, question: str, answer: Finished) -> Iterator[Event]:
        found = unfamiliar(self.team.spellers, answer.authors, question, answer.text)
        yield from (Unfamiliar(expert, name) for expert, name in found)


def require_room(model: LanguageModel, text: str, what: str = "the question") -> None:
    """Raises `ContextFull` where `text` alone fills the context.

    Counted by parts: llama.cpp's time for a text of rare characters grows with its square.
    """
    n_tokens = 0
    if len(text) <= model.n_ctx:
        return
    for at in range(0, len(text), _PART):
        part = text[at : at + _PART]
        n_tokens += len(model.vocabulary.encode(part)) - _MADE_BY_A_CUT
        if n_tokens > model.n_ctx:
            raise ContextFull(
                f"{what} has {len(text)} characters; the first {at + len(part)} fill "
                f"the context of {model.n_ctx} tokens: shorten it, or give a larger `n_ctx`"
            )
