"""A rendered conversation that knows which names of special tokens came from its messages.

For a tokenizer a special token is a string like any other, so a question (or a document in it) that
contains `<|im_end|>` would end its own turn. The template's special tokens count; those inside a message
are plain text. To tell them apart, names inside messages are put between two marks before the template
renders, and the marks are removed after.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

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
    template: ChatTemplate, messages: Sequence[Message], vocabulary: Vocabulary
) -> Rendering:
    """Raises what `ChatTemplate.render` raises."""
    names = {n for message in messages for n in special_names(vocabulary, message.content)}
    if not names:
        return Rendering(template.render(messages))
    opening, closing = _unused(template.source + "".join(m.content for m in messages))
    pattern = re.compile(_any_of(names))
    marked = [
        replace(m, content=pattern.sub(lambda name: opening + name[0] + closing, m.content))
        for m in messages
    ]
    return _unmarked(template.render(marked), opening, closing)


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
