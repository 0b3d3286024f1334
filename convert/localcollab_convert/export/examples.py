"""Data files -> token sequences, with the answer tokens marked.

JSONL, one object a line: {"messages": [...]}, {"prompt", "completion"} or {"text"}; or a plain .txt
file. Answers are tokenized exactly as a session would have written them. Knows no models.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from localcollab.chat.template import ChatTemplate, Message
from localcollab.chat.transcript import Transcript
from localcollab.decoding.encoding import encode_continuation, encode_start
from localcollab.errors import BadData, LocalcollabError
from localcollab.vocabulary import Vocabulary

_ROLES = ("system", "user", "assistant")
_SHAPES = '{"messages": [...]}, {"prompt": ..., "completion": ...} or {"text": ...}'


@dataclass(frozen=True, slots=True)
class Conversation:
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Continuation:
    """Raw text, without the chat template."""

    prompt: str
    completion: str


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a data file. `gold` None: the answer itself is the reference."""

    where: str
    body: Conversation | Continuation | Text
    kind: str = ""
    gold: str | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """One sequence. Examples of one `unit` (a conversation) are never split between two sets."""

    where: str
    unit: int
    tokens: tuple[int, ...]
    answers: tuple[tuple[int, int], ...]
    """Half-open spans of answer tokens; the end token of a turn is the last of its span."""
    kind: str = ""
    gold: str | None = None
    """Reference text of the last span; None for plain text."""

    @property
    def positions(self) -> list[int]:
        """Of every answer token except position 0, which has no prefix."""
        return [at for start, end in self.answers for at in range(max(start, 1), end)]


def parse_file(path: Path) -> list[Record]:
    """Raises `BadData`, naming file and line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(
            f"{path}: cannot be read as UTF-8 text ({error}): give another file"
        ) from error
    if path.suffix == ".txt":
        records = [Record(str(path), Text(text))] if text.strip() else []
    else:
        lines = enumerate(text.split("\n"), 1)
        records = [_parse_line(f"{path}, line {n}", line) for n, line in lines if line.strip()]
    if not records:
        raise BadData(f"{path}: contains no example: give lines of {_SHAPES}, or a .txt file")
    return records


def _parse_line(where: str, line: str) -> Record:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadData(f"{where}: not JSON ({error}): fix or remove the line") from error
    if not isinstance(value, dict):
        raise BadData(f"{where}: {line.strip()[:40]!r} is not an object: give {_SHAPES}")
    found = [key for key in ("messages", "prompt", "text") if key in value]
    if len(found) != 1:
        raise BadData(f"{where}: has the keys {found or sorted(value)[:5]}: give one of {_SHAPES}")
    return Record(where, _body(where, found[0], value), _kind(value), _gold(where, value))


def _body(where: str, shape: str, value: dict[str, object]) -> Conversation | Continuation | Text:
    if shape == "messages":
        return Conversation(_messages(where, value["messages"]))
    if shape == "text":
        return Text(_string(where, value, "text"))
    prompt = value["prompt"]
    if not isinstance(prompt, str):
        raise BadData(f"{where}: prompt is {prompt!r:.40}: give a string")
    return Continuation(prompt, _string(where, value, "completion"))


def _string(where: str, value: dict[str, object], key: str) -> str:
    text = value.get(key)
    if not isinstance(text, str) or not text.strip():
        raise BadData(f"{where}: {key} is {text!r:.40}: give a non-empty string")
    return text


def _kind(value: dict[str, object]) -> str:
    return str(value.get("kind") or "")


def _gold(where: str, value: dict[str, object]) -> str | None:
    return _string(where, value, "gold") if value.get("gold") else None


def _messages(where: str, value: object) -> tuple[Message, ...]:
    if not isinstance(value, list) or not value:
        raise BadData(f"{where}: messages is {value!r:.40}: give a list of messages")
    messages = tuple(_message(f"{where}, message {n}", m) for n, m in enumerate(value, 1))
    if all(message.role != "assistant" for message in messages):
        raise BadData(f"{where}: no assistant message: add the answer, or remove the line")
    return messages


def _message(where: str, value: object) -> Message:
    if not isinstance(value, dict):
        raise BadData(f"{where}: {value!r:.40} is not an object: give role and content")
    role, content = value.get("role"), value.get("content")
    if role not in _ROLES:
        raise BadData(f"{where}: role is {role!r}: give one of {', '.join(_ROLES)}")
    if not isinstance(content, str):
        raise BadData(f"{where}: content is {content!r:.40}: give a string")
    return Message(role, content)


class Encoder:
    """Records -> examples in one vocabulary. Texts longer than `n_ctx` are split into windows."""

    def __init__(self, vocabulary: Vocabulary, template: ChatTemplate | None, n_ctx: int) -> None:
        self._vocabulary, self._template, self.n_ctx = vocabulary, template, n_ctx
        self._turn_end: tuple[int, ...] | None = None

    def encode(self, records: Sequence[Record]) -> tuple[list[Example], list[str]]:
        """Examples in order, and the places of those left out because they are longer than `n_ctx`."""
        examples, left_out, unit = [], [], 0
        for record in records:
            for example in self._encode_one(record, unit):
                if len(example.tokens) > self.n_ctx:
                    left_out.append(record.where)
                elif example.positions:
                    examples.append(example)
                unit = max(unit, example.unit)
            unit += 1
        return examples, left_out

    def _encode_one(self, record: Record, unit: int) -> list[Example]:
        try:
            match record.body:
                case Conversation(messages):
                    return list(self._conversation(record, messages, unit))
                case Continuation(prompt, completion):
                    return [self._continuation(record, prompt, completion, unit)]
                case Text(text):
                    return list(self._windows(record, text, unit))
        except LocalcollabError as error:
            raise BadData(f"{record.where}: {error}") from error

    def _conversation(
        self, record: Record, messages: Sequence[Message], unit: int
    ) -> Iterator[Example]:
        """One example; several where the template rewrites earlier turns, so that prompts diverge."""
        transcript = Transcript(self._template, self._vocabulary)
        tokens: tuple[int, ...] = ()
        spans: list[tuple[int, int]] = []
        gold = ""
        for n, message in enumerate(messages):
            if message.role != "assistant":
                continue
            prompt = transcript.prompt(messages[:n]).tokens
            if spans and prompt[: len(tokens)] != tokens:
                yield Example(record.where, unit, tokens, tuple(spans), record.kind, gold)
                spans = []
            gold = message.content if self._template is None else message.content.strip()
            answer = encode_continuation(self._vocabulary, gold)
            transcript.answered(answer)
            tokens = (*prompt, *answer, *self._end_of_turn(messages[: n + 1]))
            spans.append((len(prompt), len(tokens)))
        yield Example(
            record.where, unit, tokens, tuple(spans), record.kind, record.gold or gold
        )  # fmt: skip

    def _end_of_turn(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """The end token that the template writes after an answer, else the vocabulary's."""
        if self._turn_end is None:
            self._turn_end = self._eos()
            if self._template is not None:
                text = self._template.render(messages, add_generation_prompt=False)
                answer = messages[-1].content.strip()
                rest = text[text.rfind(answer) + len(answer) :]
                ids = encode_continuation(self._vocabulary, rest)
                ends = [token for token in ids if token in self._vocabulary.end]
                self._turn_end = tuple(ends[:1]) or self._turn_end
        return self._turn_end

    def _eos(self) -> tuple[int, ...]:
        return () if self._vocabulary.eos is None else (self._vocabulary.eos,)

    def _continuation(self, record: Record, prompt: str, completion: str, unit: int) -> Example:
        before = encode_start(self._vocabulary, prompt)
        answer = (
            encode_continuation(self._vocabulary, completion)
            if prompt
            else encode_start(self._vocabulary, completion)[len(before) :]
        )
        tokens = (*before, *answer, *self._eos())
        gold = record.gold or completion
        return Example(
            record.where, unit, tokens, ((len(before), len(tokens)),), record.kind, gold
        )  # fmt: skip

    def _windows(self, record: Record, text: str, unit: int) -> Iterator[Example]:
        """Each begins with BOS or, in a vocabulary without one, with the token before it."""
        start = self._vocabulary.encode("", bos=True)
        ids = encode_start(self._vocabulary, text)[len(start) :]
        overlap = 0 if start else 1
        size = self.n_ctx - len(start) - overlap
        for n, at in enumerate(range(0, max(len(ids) - overlap, 1), size)):
            tokens = (*start, *ids[at : at + size + overlap])
            span = (len(start) or 1, len(tokens))
            yield Example(record.where, unit + n, tokens, (span,), record.kind)


def hold_out(
    examples: Sequence[Example], share: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """(train, valid): a seeded share of the units is held out. Raises `BadData` below two units."""
    units = sorted({example.unit for example in examples})
    if len(units) < 2:
        raise BadData(
            f"{len(units)} usable example: too few to hold out some; give more data, or `valid`"
        )
    n_valid = max(1, round(share * len(units)))
    chosen = np.random.default_rng(seed).permutation(units)[:n_valid]
    held_out = frozenset(chosen.tolist())
    train = [example for example in examples if example.unit not in held_out]
    return train, [example for example in examples if example.unit in held_out]
