"""The chunks of a streamed chat completion -> the events of an answer.

A server of localcollab tells the author, the probabilities and the doubts of every token in one object
more; another one at most `logprobs`.
"""

import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from localcollab.events import Finished, FinishReason, Progress, Token, Unfamiliar
from localcollab_tui.remote.connection import ServerFailed, one_line

_REASONS: Mapping[str, FinishReason] = {"length": "max_tokens"}
_OPENING, _CLOSING = "<think>\n", "\n</think>\n\n"
_UNKNOWN_ID = 0
"""Of a token whose server tells no ids: `Provenance.vocabulary` is empty then, and ids mean nothing."""


@dataclass(slots=True)
class Heard:
    """One answer while it comes."""

    model: str
    """The author of tokens whose author is not told."""
    texts: list[str] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    authors: Counter[str] = field(default_factory=Counter)
    reason: FinishReason | None = None
    """None: the end has not come."""
    n_prompt: int = 0
    n_repeated: int = 0
    """Tokens of a loop behind its first copy, which are no part of the answer."""
    has_probabilities: bool = True
    """False: a token came without any."""
    is_thinking: bool = False
    began: float = field(default_factory=time.perf_counter)
    first: float | None = None
    told: tuple[float, float] | None = None
    """Seconds of prompt and answer, where the server measures them, as llama.cpp's does."""

    def add(self, chunk: object) -> Iterator[Progress | Token | Unfamiliar]:
        """Raises `ServerFailed` for what is no chunk."""
        try:
            yield from self._add(chunk)
        except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
            raise ServerFailed(
                f"the server sends what is no part of an answer ({type(error).__name__}): give the "
                "address of a server with OpenAI's API"
            ) from error

    def finished(self, *, is_stopped: bool = False) -> Finished:
        now = time.perf_counter()
        first = now if self.first is None else self.first
        prefill, decode = self.told or (first - self.began, now - first)
        n_kept = len(self.ids) - self.n_repeated
        return Finished(
            "stopped" if is_stopped else self.reason or "end", "".join(self.texts[:n_kept]),
            tuple(self.ids[:n_kept]), self.n_prompt, dict(self.authors), prefill, decode,
            self.n_repeated,
        )  # fmt: skip

    def _add(self, chunk: Any) -> Iterator[Progress | Token | Unfamiliar]:
        own = chunk.get("localcollab") or {}
        if progress := chunk.get("prompt_progress"):
            self.n_prompt = int(progress["total"])
            yield Progress(int(progress["processed"]), self.n_prompt)
        if usage := chunk.get("usage"):
            self.n_prompt = int(usage["prompt_tokens"])
        if timings := chunk.get("timings"):
            self.told = _seconds(timings["prompt_ms"]), _seconds(timings["predicted_ms"])
        for choice in chunk.get("choices") or ():
            for token in self._tokens(choice, own):
                self._keep(token)
                yield token
            if told := choice.get("finish_reason"):
                self.reason = _reason(own.get("finish_reason"), told)
                self.n_repeated = min(max(int(own.get("n_repeated", 0)), 0), len(self.ids))
        for each in own.get("unfamiliar", ()):
            yield Unfamiliar(one_line(_text(each["expert"])), one_line(_text(each["name"])))

    def _keep(self, token: Token) -> None:
        self.first = time.perf_counter() if self.first is None else self.first
        self.texts.append(token.text)
        self.ids.append(token.id)
        self.authors[token.author] += 1

    def _tokens(self, choice: Any, own: Any) -> Iterator[Token]:
        delta = choice.get("delta") or choice.get("message") or {}
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if thought:
            yield self._plain(_text(thought) if self.is_thinking else _OPENING + _text(thought))
            self.is_thinking = True
        content = delta.get("content")
        if not content:
            return
        if self.is_thinking:
            yield self._plain(_CLOSING)
            self.is_thinking = False
        if told := own.get("tokens"):
            tokens = [_token(each) for each in told]
            if "".join(token.text for token in tokens) != content:
                raise ValueError("tokens that are not the text")
            yield from tokens
        elif told := (choice.get("logprobs") or {}).get("content"):
            yield from self._with_logprobs(told, _text(content))
        else:
            yield self._plain(_text(content))

    def _with_logprobs(self, told: Any, content: str) -> Iterator[Token]:
        """One token where their texts are not the content's, as parts of characters are not."""
        ps = [math.exp(min(0.0, float(each["logprob"]))) for each in told]
        texts = [_text(each["token"]) for each in told]
        if "".join(texts) != content:
            ps, texts = ps[:1], [content]
        for text, p in zip(texts, ps, strict=True):
            yield Token(_UNKNOWN_ID, text, self.model, p)

    def _plain(self, text: str) -> Token:
        self.has_probabilities = False
        return Token(_UNKNOWN_ID, text, self.model, 1.0)


def _reason(exact: object, told: object) -> FinishReason:
    for reason in get_args(FinishReason):
        if exact == reason:
            return reason  # type: ignore[no-any-return]
    return _REASONS.get(str(told), "end")


def _token(told: Any) -> Token:
    p_defer = told.get("p_defer")
    return Token(
        int(told["id"]), _text(told["text"]), one_line(_text(told["author"])),
        _probability(told["probability"]), None if p_defer is None else _probability(p_defer),
        told.get("unsure") is True,
    )  # fmt: skip


def _text(given: object) -> str:
    if not isinstance(given, str):
        raise TypeError("not a text")
    return given


def _seconds(ms: object) -> float:
    value = float(ms) / 1000  # type: ignore[arg-type]
    if not 0 <= value < math.inf:
        raise ValueError("not a time")
    return value


def _probability(given: object) -> float:
    value = float(given)  # type: ignore[arg-type]
    if not -1e-3 <= value <= 1 + 1e-3:
        raise ValueError("not a probability")
    return min(max(value, 0.0), 1.0)
