"""The events of one answer, collected, and what the APIs tell of them: text, usage, timings, authors."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from localcollab.blend.events import Answered, Chosen, Ranked
from localcollab.events import Finished, FinishReason, Token, Unfamiliar
from localcollab.server.blends import BlendAsk
from localcollab.server.writing import (
    Alternative,
    Ask,
    AskEvent,
    Detail,
    Started,
    Written,
    author_spans,
    unsure_spans,
)
from localcollab.vocabulary import Vocabulary

_NEVER = -9999.0
"""The logprob of what is impossible, as OpenAI's API writes it: JSON has no infinity."""
_REASONS: dict[FinishReason, str] = {
    "end": "stop", "stop_string": "stop", "stopped": "stop", "repetition": "stop",
    "max_tokens": "length", "context": "length",
}  # fmt: skip


@dataclass(slots=True)
class Heard:
    """What has come of one answer."""

    ask: Ask | BlendAsk
    started: Started | None = None
    written: list[Written] = field(default_factory=list)
    unfamiliar: list[Unfamiliar] = field(default_factory=list)
    candidates: list[Answered] = field(default_factory=list)
    """Of a blend, in the order of their numbers."""
    ranked: Ranked | None = None
    chosen: Chosen | None = None
    finished: Finished | None = None

    def add(self, event: AskEvent) -> None:
        match event:
            case Started():
                self.started = event
            case Written():
                self.written.append(event)
            case Unfamiliar():
                self.unfamiliar.append(event)
            case Answered():
                self.candidates.append(event)
            case Ranked():
                self.ranked = event
            case Chosen():
                self.chosen = event
            case Finished():
                self.finished = event

    @property
    def end(self) -> Finished:
        assert self.finished is not None, "every answer ends with Finished"
        return self.finished

    @property
    def text(self) -> str:
        return self.end.text

    @property
    def finish_reason(self) -> str:
        return _REASONS[self.end.reason]

    @property
    def n_cached(self) -> int:
        return self.started.n_cached if self.started else 0

    @property
    def n_written(self) -> int:
        """With those of a loop that the text leaves out."""
        return len(self.end.tokens) + self.end.n_repeated

    def kept(self) -> list[Written]:
        """The tokens of the text: without the copies of a loop."""
        kept, left = list[Written](), len(self.text)
        for each in self.written:
            if left <= 0 and each.token.text:
                break
            kept.append(each)
            left -= len(each.token.text)
        return kept


def usage(answers: Sequence[Heard]) -> dict[str, object]:
    """Several answers to one prompt count it once."""
    n_prompt = answers[0].end.n_prompt
    n_written = sum(answer.n_written for answer in answers)
    return {
        "prompt_tokens": n_prompt,
        "completion_tokens": n_written,
        "total_tokens": n_prompt + n_written,
        "prompt_tokens_details": {"cached_tokens": answers[0].n_cached},
    }


def timings(answer: Heard) -> dict[str, float]:
    """As llama.cpp's server names them."""
    end = answer.end
    n_prompt, n_written = end.n_prompt - answer.n_cached, answer.n_written
    prompt_ms, predicted_ms = 1000 * end.seconds_prefill, 1000 * end.seconds_decode
    return {
        "cache_n": answer.n_cached,
        "prompt_n": n_prompt,
        "prompt_ms": prompt_ms,
        "prompt_per_token_ms": _ratio(prompt_ms, n_prompt),
        "prompt_per_second": _ratio(1000 * n_prompt, prompt_ms),
        "predicted_n": n_written,
        "predicted_ms": predicted_ms,
        "predicted_per_token_ms": _ratio(predicted_ms, n_written),
        "predicted_per_second": _ratio(1000 * n_written, predicted_ms),
    }


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def token_provenance(each: Written, vocabulary: Vocabulary | None) -> dict[str, object]:
    """Who wrote it, how sure, and what the others would have written. A blend has no vocabulary."""
    token = each.token
    said: dict[str, object] = {
        "id": token.id, "text": token.text, "author": token.author,
        "probability": token.probability,
    }  # fmt: skip
    if token.p_defer is not None:
        said["p_defer"] = token.p_defer
    if token.unsure:
        said["unsure"] = True
    others = {
        name: {"text": vocabulary.decode([other.token]), "probability": math.exp(other.logprob)}
        for name, other in each.detail.others.items()
        if vocabulary is not None and other.token != token.id
    }
    if others:
        said["others"] = others
    return said


def provenance(answer: Heard) -> dict[str, object]:
    """Of a whole answer; places are [start, end) in code points of its text."""
    end, tokens = answer.end, [each.token for each in answer.kept()]
    said: dict[str, object] = {
        "finish_reason": end.reason,
        "authors": dict(end.authors),
        "spans": [
            {"author": author, "start": start, "end": stop}
            for author, start, stop in author_spans(tokens)
        ],
        "p_defer": _mean_p_defer(tokens),
        "unsure": [{"start": start, "end": stop} for start, stop in unsure_spans(tokens)],
        "seed": answer.ask.sampling.seed,
        **_choice_of(answer),
    }
    if answer.unfamiliar:
        said["unfamiliar"] = [
            {"expert": each.expert, "name": each.name} for each in answer.unfamiliar
        ]
    if end.n_repeated:
        said["n_repeated"] = end.n_repeated
    return said


def _choice_of(answer: Heard) -> dict[str, object]:
    """A blend's candidates, what its ranker thought of them, and which became the reply."""
    if answer.chosen is None:
        return {}
    ranks = answer.ranked.ranks if answer.ranked else (None,) * len(answer.candidates)
    candidates = [
        {"model": each.model, "text": each.text, "finish_reason": each.reason, "rank": rank}
        for each, rank in zip(answer.candidates, ranks, strict=False)
    ]
    said: dict[str, object] = {
        "candidates": candidates, "chosen": answer.chosen.candidate, "fuser": answer.chosen.fuser,
        "ranker": answer.ranked.ranker if answer.ranked else None,
    }  # fmt: skip
    return said | ({"why": answer.chosen.why} if answer.chosen.why else {})


def _mean_p_defer(tokens: Sequence[Token]) -> float | None:
    known = [token.p_defer for token in tokens if token.p_defer is not None]
    return sum(known) / len(known) if known else None


def chat_logprobs(written: Sequence[Written], vocabulary: Vocabulary) -> dict[str, object]:
    """OpenAI's `logprobs` of chat completions."""
    return {"content": [_chat_logprob(each, vocabulary) for each in written], "refusal": None}


def _chat_logprob(each: Written, vocabulary: Vocabulary) -> dict[str, object]:
    data = written_bytes(each.token, vocabulary)
    return {
        **_named(data, logprob(each.token)),
        "top_logprobs": [
            _named(vocabulary.piece(other.token), other.logprob) for other in each.detail.top
        ],
    }


def _named(data: bytes, value: float) -> dict[str, object]:
    return {"token": data.decode("utf-8", "replace"), "logprob": value, "bytes": list(data)}


def written_bytes(token: Token, vocabulary: Vocabulary) -> bytes:
    """Its own bytes, perhaps a part of a character; less where a stop string cut it."""
    piece = vocabulary.piece(token.id)
    try:
        whole = piece.decode("utf-8")
    except UnicodeDecodeError:
        return piece
    is_cut = token.text and whole != token.text and whole.startswith(token.text)
    return token.text.encode() if is_cut else piece


def logprob(token: Token) -> float:
    """Nats."""
    return math.log(token.probability) if token.probability > 0 else _NEVER


def completion_logprobs(
    written: Sequence[Written], vocabulary: Vocabulary, at: int
) -> dict[str, object]:
    """OpenAI's older form, of completions. `at`: where the first token's text starts."""
    offsets = list(_offsets(written, at))
    return {
        "tokens": [_text(each.token.id, vocabulary) for each in written],
        "token_logprobs": [logprob(each.token) for each in written],
        "top_logprobs": [_by_text(each.detail, vocabulary) for each in written],
        "text_offset": offsets,
    }


def _by_text(detail: Detail, vocabulary: Vocabulary) -> dict[str, float]:
    return {_text(other.token, vocabulary): other.logprob for other in detail.top}


def _text(token: int, vocabulary: Vocabulary) -> str:
    return vocabulary.decode([token])


def _offsets(written: Sequence[Written], at: int) -> Iterator[int]:
    for each in written:
        yield at
        at += len(each.token.text)


__all__ = [
    "Alternative", "Heard", "chat_logprobs", "completion_logprobs", "logprob", "provenance",
    "timings", "token_provenance", "usage", "written_bytes",
]  # fmt: skip
