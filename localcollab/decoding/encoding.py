"""Text and token ids where sequences are joined and a tokenizer's own encode and decode are wrong.

Bytes of tokens become complete characters; text in the middle of a sequence becomes ids that decode to
exactly that text. Messages are left to `chat`.
"""

import codecs
import re
from collections.abc import Callable, Sequence

from localcollab.vocabulary import Vocabulary

_ANCHORS = ("", "\n", ".")
"""Put before a text while it is encoded, so that SentencePiece treats it as a continuation."""


class TextStream:
    """Bytes of tokens -> text. A character split over tokens is held back until it is complete."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, data: bytes) -> str:
        """The characters that are now complete; invalid UTF-8 becomes U+FFFD."""
        return self._decoder.decode(data)

    @property
    def is_complete(self) -> bool:
        """Nothing is held back."""
        return not self._decoder.getstate()[0]

    def flush(self) -> str:
        """The end: U+FFFD for an incomplete character."""
        return self._decoder.decode(b"", final=True)


def encode_start(vocabulary: Vocabulary, text: str) -> list[int]:
    """Ids of the text that begins a sequence, with exactly one BOS if the model uses one.

    A space that the tokenizer adds before the first word stays: the model was trained with it.
    """
    bos = "" if vocabulary.bos is None else vocabulary.strings[vocabulary.bos]
    if bos and text.startswith(bos):
        return encode_continuation(vocabulary, text)
    start = vocabulary.encode("", bos=True)
    tokens, write = vocabulary.encode(text, special=True), template_writer(vocabulary)
    matches = [(written, *match(tokens, written, 0, write)) for written in (text, " " + text)]
    written, n, n_chars = max(matches, key=lambda found: found[2])
    return start + tokens[:n] + encode_continuation(vocabulary, written[n_chars:])


def encode_continuation(vocabulary: Vocabulary, text: str, *, special: bool = True) -> list[int]:
    """Ids that decode to exactly `text` in the middle of a sequence; `special`: names of special tokens
    become those tokens.

    A line of `text` is changed only if the vocabulary cannot represent it: one that lower-cases, or
    SentencePiece for U+2581, which it uses for spaces.
    """
    tokens, n_chars = _encode_longest(vocabulary, text, special)
    if n_chars == len(text):
        return tokens
    specials = sorted(filter(None, (vocabulary.strings[t] for t in vocabulary.control)), key=len)
    pattern = "|".join(re.escape(special) for special in reversed(specials))
    fragments = re.split(f"({pattern})", text) if pattern else [text]
    return [token for part in fragments for token in _encode_fragment(vocabulary, part, special)]


def _encode_fragment(vocabulary: Vocabulary, text: str, special: bool) -> list[int]:
    tokens: list[int] = []
    while text:
        some, n_chars = _encode_longest(vocabulary, text, special)
        if not some:
            # This line cannot be represented exactly; the next ones may be.
            n_chars = text.find("\n") + 1 or len(text)
            some = vocabulary.encode(text[:n_chars], special=special)
        tokens += some
        text = text[n_chars:]
    return tokens


def _encode_longest(vocabulary: Vocabulary, text: str, special: bool) -> tuple[list[int], int]:
    """Ids of the longest start of `text` that an anchor gives, and its length."""
    best: tuple[list[int], int] = [], 0
    for anchor in _ANCHORS:
        before = vocabulary.encode(anchor)
        tokens = vocabulary.encode(anchor + text, special=special)
        if tokens[: len(before)] != before:
            continue
        tokens = tokens[len(before) :]
        n, n_chars = match(tokens, text, 0, template_writer(vocabulary))
        if n == len(tokens) and n_chars == len(text):
            return tokens, n_chars
        if n_chars > best[1]:
            best = tokens[:n], n_chars
    return best


def template_writer(vocabulary: Vocabulary) -> Callable[[int], bytes]:
    """The bytes of a token in a template's text: for a control token, its name."""

    def write(token: int) -> bytes:
        string = vocabulary.strings[token]
        return vocabulary.piece(token) or string.encode("utf-8", "surrogateescape")

    return write


def boundaries(tokens: Sequence[int], write: Callable[[int], bytes]) -> list[tuple[int, int]]:
    """(n_tokens, n_characters) wherever a token ends with a complete character."""
    ends, n_chars, stream = [(0, 0)], 0, TextStream()
    for n, token in enumerate(tokens, 1):
        n_chars += len(stream.add(write(token)))
        if stream.is_complete:
            ends.append((n, n_chars))
    return ends


def match(
    tokens: Sequence[int], text: str, position: int, write: Callable[[int], bytes]
) -> tuple[int, int]:
    """How many leading tokens match `text` from `position`, and how many characters that is."""
    matched, n_chars, stream = (0, 0), 0, TextStream()
    for n, token in enumerate(tokens, 1):
        chunk = stream.add(write(token))
        if not text.startswith(chunk, position + n_chars):
            return matched
        n_chars += len(chunk)
        # A token without text is kept only with the visible one that follows it.
        if chunk and stream.is_complete:
            matched = n, n_chars
    end = stream.flush()
    if not text.startswith(end, position + n_chars):
        return matched
    return len(tokens), n_chars + len(end)
