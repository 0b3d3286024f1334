"""A rendered conversation that knows which names of special tokens came from its messages.

For a tokenizer a special token is a string like any other, so a question (or a document in it) that
contains `<|im_end|>` would end its own turn. The template's special tokens count; those inside a message
are plain text. To tell them apart, names inside messages are put between two marks before the template
renders, and the marks are removed after.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from localcollab.chat.template import ChatTemplate, Message
from localcollab.decoding.encoding import encode_continuation, encode_start
from localcollab.vocabulary import Vocabulary

_MARKS = range(0xF0000, 0xFFFFE)
"""Private use: the marks are characters from here that occur in no message."""


@dataclass(frozen=True, slots=True)
class Rendering:
    text: str
    plain: tuple[tuple[int, int], ...] = ()
    """Spans that spell a special token but are plain text."""

    def part(self, start: int, end: int | None = None) -> "Rendering":
        """The part [start, end), with its spans relative to `start`."""
        end = len(self.text) if end is None else end
        inside = ((max(a, start), min(b, end)) for a, b in self.plain)
        plain = tuple((a - start, b - start) for a, b in inside if a < b)
        return Rendering(self.text[start:end], plain)


def special_names(vocabulary: Vocabulary, text: str) -> set[str]:
    """The special tokens whose names occur in `text`; those that decode to nothing."""
    found = set[str]()
    rest = [text]
    while rest:
        part = rest.pop()
        tokens = vocabulary.encode(part, special=True) if part else []
        names = {vocabulary.strings[token] for token in tokens if not vocabulary.piece(token)}
        names = {name for name in names if name and name in part}
        if names:
            found |= names
            # The text around them may contain others.
            rest += re.split(_any_of(names), part)
    return found


def render(
    template: ChatTemplate,
    messages: Sequence[Message],
    vocabulary: Vocabulary,
    tools: Sequence[Mapping[str, object]] = (),
) -> Rendering:
    """Raises what `ChatTemplate.render` raises."""
    given = set(_texts([*([m.content, m.fields] for m in messages), *tools]))
    names = {name for text in given for name in special_names(vocabulary, text)}
    if not names:
        return Rendering(template.render(messages, tools=tools))
    opening, closing = _unused(template.source + "".join(given))
    pattern = re.compile(_any_of(names))

    def mark(text: str) -> str:
        return pattern.sub(lambda name: opening + name[0] + closing, text)

    marked = [
        replace(m, content=mark(m.content), fields=_changed(m.fields, mark)) for m in messages
    ]
    text = template.render(marked, tools=[_changed(tool, mark) for tool in tools])
    return _unmarked(text, opening, closing)


def _texts(value: object) -> Iterator[str]:
    """All strings in it, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (Mapping, list, tuple)):
        for each in value.items() if isinstance(value, Mapping) else value:
            yield from _texts(each)


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    """A copy with every string in it changed; keys stay, since a template looks for them."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _changed(each, change) for key, each in value.items()}
    return [_changed(each, change) for each in value] if isinstance(value, (list, tuple)) else value


def render_plain(text: str, vocabulary: Vocabulary) -> Rendering:
    """A text without a template: every special name in it is plain text."""
    names = special_names(vocabulary, text)
    if not names:
        return Rendering(text)
    return Rendering(text, tuple(m.span() for m in re.finditer(_any_of(names), text)))


def encode(rendering: Rendering, vocabulary: Vocabulary, *, at_start: bool) -> list[int]:
    """`at_start`: the text begins the sequence."""
    tokens, at = list[int](), 0
    for start, end in (*rendering.plain, (len(rendering.text),) * 2):
        before = rendering.text[at:start]
        if at_start and not at:
            tokens += encode_start(vocabulary, before)
        elif before:
            tokens += encode_continuation(vocabulary, before)
        tokens += encode_continuation(vocabulary, rendering.text[start:end], special=False)
        at = end
    return tokens


def _unused(text: str) -> tuple[str, str]:
    taken = set(text)
    free = (chr(code) for code in _MARKS if chr(code) not in taken)
    return next(free), next(free)


def _unmarked(text: str, opening: str, closing: str) -> Rendering:
    """A template may drop or move marked text and marks; a single mark is ignored."""
    parts, plain = list[str](), list[tuple[int, int]]()
    n_chars = 0
    for part, is_plain in _parts(text, opening, closing):
        if is_plain:
            plain.append((n_chars, n_chars + len(part)))
        parts.append(part)
        n_chars += len(part)
    return Rendering("".join(parts), tuple(plain))


def _parts(text: str, opening: str, closing: str) -> Iterator[tuple[str, bool]]:
    marks = f"{opening}{closing}"
    at = 0
    for found in re.finditer(f"{opening}([^{marks}]*){closing}", text):
        yield re.sub(f"[{marks}]", "", text[at : found.start()]), False
        yield found[1], True
        at = found.end()
    yield re.sub(f"[{marks}]", "", text[at:]), False


def _any_of(names: set[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
