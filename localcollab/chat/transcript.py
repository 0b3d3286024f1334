"""A conversation as one token sequence: from messages to the prompt of the next turn.

Generated ids are kept. Messages become text in `template`, text becomes ids in `decoding.encoding`.
"""

import re
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass

from localcollab.chat.rendering import Rendering, encode, render, render_plain
from localcollab.chat.template import ChatTemplate, Message
from localcollab.decoding.encoding import TextStream as TextStream
from localcollab.decoding.encoding import (
    boundaries,
    encode_continuation,
    match,
    template_writer,
)
from localcollab.errors import BadOption
from localcollab.vocabulary import Vocabulary

_MIN_FOUND = 16
"""Characters. Shorter answers are also found in a template's own text ("a" in "assistant")."""

_BLOCK = re.compile(r"^[ \t]*<think>.*?(?:</think>\s*|\Z)", re.DOTALL | re.MULTILINE)
_OPENED_BY_TEMPLATE = re.compile(r"\A(?:(?!<think>).)*?</think>[ \t]*(?:\n\s*|\Z)", re.DOTALL)


def without_reasoning(text: str) -> str:
    """An earlier answer as it is sent back: without `<think>` blocks.

    A block starts its line; an unfinished one extends to the end. If a template opened the block in the
    prompt, the answer holds only the closing tag, at the end of a line.
    """
    return _BLOCK.sub("", _OPENED_BY_TEMPLATE.sub("", text, count=1))


@dataclass(frozen=True, slots=True)
class Prompt:
    tokens: tuple[int, ...]
    n_reread: int
    """Tokens of earlier turns that were in the sequence before and must be read again."""
    text: str
    """The text of the tokens, without what the model adds at the start of a sequence."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer, of an earlier conversation."""

    question: str
    answer: str
    """As generated, including reasoning."""
    tokens: tuple[int, ...] = ()
    """The generated ids; empty: it is tokenized from its text."""


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    tokens: tuple[int, ...]
    is_answer: bool = False
    plain: tuple[tuple[int, int], ...] = ()
    """As in `Rendering`; not needed for an answer, which has ids."""


class Transcript:
    """The token sequence of one conversation so far.

    Answers keep the generated ids, even if the tokenizer would split the same text differently, because
    the cache holds those ids. Text between answers is tokenized separately.
    """

    def __init__(
        self,
        template: ChatTemplate | None,
        vocabulary: Vocabulary,
        tools: Sequence[Mapping[str, object]] = (),
    ) -> None:
        """Without a template, messages are plain text that continues the sequence."""
        self._template = template
        self._tools = tools
        self._vocabulary = vocabulary
        self._pieces: list[_Piece] = []
        self._n_prompted = self._n_answered = 0
        """Pieces of the last prompt, which an answer may follow; answers, including empty ones."""
        self._answers: list[tuple[int, ...]] = []

    def prompt(self, messages: Sequence[Message]) -> Prompt:
        """The sequence to continue. If rendering or encoding raises, nothing is changed."""
        text, pieces = self._layout(messages)
        before, now = _tokens(self._pieces), _tokens(pieces)
        n_same = _n_same(before, now)
        n_earlier = self._count_up_to(_end_of_last_answer(text, messages), pieces)
        self._pieces, self._n_prompted = pieces, len(pieces)
        n_reread = max(0, min(n_earlier, len(before)) - n_same)
        return Prompt(now, n_reread, text)

    def add_past_prompt(self, messages: Sequence[Message]) -> None:
        """Like `prompt`, for a past turn: the sequence is not read, so nothing is counted."""
        self._pieces = self._layout(messages)[1]
        self._n_prompted = len(self._pieces)

    def continue_past(
        self, system: Sequence[Message], turns: Sequence[Message], asked: Message
    ) -> bool:
        """Like `add_past_prompt`, from the last two `turns` (question, answer, question, answer) alone.

        What a template writes after an answer usually depends on its neighbours only. False, changing
        nothing, if this template does otherwise or an earlier answer has lost its ids.
        """
        if self._answers and self._n_whole_answers() != self._n_answered - 1:
            return False
        before = self._render([*system, *turns[:3]])
        rendering = self._render([*system, *turns, asked])
        # A template may rewrite the end of the last prompt, as far as the answer before it.
        for at in range(max(0, self._n_prompted - 2), self._n_prompted):
            last = _text(self._pieces[at : self._n_prompted])
            start = len(before.text) - len(last)
            if start > 0 and before.text[start:] == last:
                break
        else:
            return False
        if rendering.part(0, start) != before.part(0, start):
            return False
        tail, end = copy(self), rendering.part(start)
        # The empty piece stands for everything before.
        tail._pieces = [_Piece("", ()), *self._pieces[at:]]
        pieces = tail._reused(end)
        tail._extend(pieces, end, [*turns[1:], asked])
        self._pieces[at:] = pieces[1:]
        self._n_prompted = len(self._pieces)
        return True

    def _n_whole_answers(self) -> int:
        return sum(piece.is_answer for piece in self._pieces[: self._n_prompted])

    def writes(self, messages: Sequence[Message]) -> bool:
        """Whether the sequence is the prompt for these messages."""
        return _text(self._pieces) == self._render(messages).text

    def answered(self, tokens: Sequence[int]) -> None:
        """What was generated after the last prompt, without the end token."""
        self._n_answered += 1
        if tokens:
            piece = _Piece(self._vocabulary.decode(tokens), tuple(tokens), is_answer=True)
            self._pieces.append(piece)
            self._answers.append(piece.tokens)

    def unfinished(self, text: str) -> tuple[tuple[int, ...], int]:
        """The sequence up to the end of the last answer, which goes on, and how many of its tokens are
        the answer's. `text`: the answer, tokenized where its ids are unknown. Ids at the end that are a
        part of a character only are left out, to be generated again."""
        pieces = self._pieces[: self._n_prompted]
        if len(self._pieces) > self._n_prompted:
            tokens = self._pieces[-1].tokens
        else:
            tokens = tuple(encode_continuation(self._vocabulary, text, special=False))
        tokens = tokens[: boundaries(tokens, self._vocabulary.piece)[-1][0]]
        return _tokens(pieces) + tokens, len(tokens)

    def answered_on(self, tokens: Sequence[int]) -> None:
        """The last answer has become these tokens."""
        if len(self._pieces) > self._n_prompted:
            del self._pieces[self._n_prompted :], self._answers[-1]
        self._n_answered -= 1
        self.answered(tokens)

    def _layout(self, messages: Sequence[Message]) -> tuple[str, list[_Piece]]:
        rendering = self._render(messages)
        pieces = self._reused(rendering)
        self._extend(pieces, rendering, messages)
        return rendering.text, pieces

    def _render(self, messages: Sequence[Message]) -> Rendering:
        if self._template is not None:
            return render(self._template, messages, self._vocabulary, self._tools)
        if any(message.role == "system" for message in messages):
            raise BadOption(
                "this model has no chat template, so it takes no system prompt: put the text into the "
                "question"
            )
        return render_plain("".join(message.content for message in messages), self._vocabulary)

    def _reused(self, rendering: Rendering) -> list[_Piece]:
        """The pieces that still match its start; of a changed answer, the first tokens."""
        text = rendering.text
        reused: list[_Piece] = []
        position = 0
        for piece in self._pieces:
            if position == len(text):
                break
            if not piece.is_answer:
                part = rendering.part(position, position + len(piece.text))
                if part != Rendering(piece.text, piece.plain):
                    break
                reused.append(piece)
                position += len(piece.text)
                continue
            n, n_chars = match(piece.tokens, text, position, self._vocabulary.piece)
            if n:
                is_whole = n == len(piece.tokens)
                end = position + n_chars
                reused.append(_Piece(text[position:end], piece.tokens[:n], is_answer=is_whole))
                position = end
            if n < len(piece.tokens):
                break
        return reused

    def _extend(
        self, pieces: list[_Piece], rendering: Rendering, messages: Sequence[Message]
    ) -> None:
        """Add the rest, with the ids of answers that a template moved or shortened."""
        text = rendering.text
        begin = cursor = sum(len(piece.text) for piece in pieces)
        for message in _after_answers(messages, sum(piece.is_answer for piece in pieces)):
            content = message.content.strip()
            found = text.find(content, cursor) if content else -1
            if found < 0:
                continue
            cursor = found + len(content)
            if message.role != "assistant" or len(content) < _MIN_FOUND:
                continue
            offset, tokens = self._generated(content)
            if tokens:
                self._encode(pieces, rendering.part(begin, found + offset))
                pieces.append(_Piece(self._vocabulary.decode(tokens), tokens, is_answer=True))
                begin = found + offset + len(pieces[-1].text)
        self._encode(pieces, rendering.part(begin))

    def _encode(self, pieces: list[_Piece], part: Rendering) -> None:
        if part.text or not pieces:
            tokens = encode(part, self._vocabulary, at_start=not pieces)
            pieces.append(_Piece(part.text, tuple(tokens), plain=part.plain))

    def _generated(self, content: str) -> tuple[int, tuple[int, ...]]:
        """The generated tokens that lie entirely inside `content`, and the character they start at."""
        for tokens in reversed(self._answers):
            start = self._vocabulary.decode(tokens).rfind(content)
            if start < 0:
                continue
            end = start + len(content)
            inside = [
                (n, n_chars)
                for n, n_chars in boundaries(tokens, self._vocabulary.piece)
                if start <= n_chars <= end
            ]
            if len(inside) > 1:
                (first, n_chars), (last, _) = inside[0], inside[-1]
                return n_chars - start, tokens[first:last]
        return 0, ()

    def _count_up_to(self, end: int, pieces: Sequence[_Piece]) -> int:
        """Number of tokens of the first `end` characters."""
        count = position = 0
        for piece in pieces:
            if position + len(piece.text) > end:
                ends = boundaries(piece.tokens, template_writer(self._vocabulary))
                # At the start there may be a BOS and a space that are not in the text.
                extra = ends[-1][1] - len(piece.text) if not position else 0
                limit = end - position + extra
                return count + max((n for n, n_chars in ends if n_chars <= limit), default=0)
            count += len(piece.tokens)
            position += len(piece.text)
        return count


def _after_answers(messages: Sequence[Message], n_answers: int) -> Sequence[Message]:
    answers = [n for n, message in enumerate(messages) if message.role == "assistant"]
    return messages[answers[n_answers - 1] + 1 :] if 0 < n_answers <= len(answers) else messages


def _end_of_last_answer(text: str, messages: Sequence[Message]) -> int:
    """Where the last answer that is sent back ends in the rendering; 0 if there is none."""
    end = len(text)
    for message in reversed(messages):
        found = text.rfind(message.content.strip(), 0, end)
        if found >= 0 and message.role == "assistant":
            return found + len(message.content.strip())
        end = found if found >= 0 else end
    return 0


def _n_same(before: Sequence[int], now: Sequence[int]) -> int:
    differ = (n for n, (old, new) in enumerate(zip(before, now, strict=False)) if old != new)
    return next(differ, min(len(before), len(now)))


def _text(pieces: Sequence[_Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def _tokens(pieces: Sequence[_Piece]) -> tuple[int, ...]:
    return tuple(token for piece in pieces for token in piece.tokens)
