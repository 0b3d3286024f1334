"""A growing text has the tokens of its bytes, however it grew; bytes that are no characters, too."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import examples
from fakes import byte_vocabulary
from localcollab.errors import UnknownCharacter
from localcollab.vocabularies.encoded import EncodedText
from localcollab.vocabulary import Vocabulary
from tiny_vocabularies import piece_vocabulary
from toy_vocabulary import toy_vocabulary

WORDS = piece_vocabulary(*(bytes([b]) for b in range(256)), "the", " the", " cat", ". ", "é")


def encoded(text: bytes, *, breaks: tuple[int, ...] = ()) -> EncodedText:
    found = EncodedText(WORDS)
    found.update(text, breaks)
    return found


@settings(max_examples=examples(100))
@given(st.binary(max_size=300))
def test_random_bytes_are_written_back_exactly(data: bytes) -> None:
    for vocabulary in (byte_vocabulary(), toy_vocabulary(), toy_vocabulary(adds_space=True), WORDS):
        tokens = vocabulary.encode_bytes(data)
        assert b"".join(map(vocabulary.piece, tokens)) == data


@settings(max_examples=examples(50))
@given(
    st.lists(
        st.sampled_from([b"the cat", b" the", b". ", b"\xc3", b"\xa9", b"x" * 90]), max_size=25
    )
)
def test_the_tokens_depend_on_the_text_alone(parts: list[bytes]) -> None:
    grown, text = EncodedText(WORDS), b""
    for part in parts:
        text += part
        grown.update(text)
        grown.update(text[:-3])
    grown.update(text)
    assert (grown.tokens, grown.ends) == (encoded(text).tokens, encoded(text).ends)


def test_a_long_text_has_the_tokens_of_its_whole() -> None:
    text = b"the cat. the the cat and. " * 100
    assert encoded(text).tokens == WORDS.encode_bytes(text)


def test_no_token_crosses_a_break() -> None:
    found = encoded(b"the the", breaks=(2,))
    assert found.boundary(2) == 2
    assert found.tokens == [*b"th", *WORDS.encode_bytes(b"e the")]


def test_a_boundary_is_where_no_token_crosses() -> None:
    found = encoded(b"a the cat")
    assert [found.boundary(n) for n in range(6)] == [0, 1, None, None, None, 2]


def test_what_no_token_writes_is_refused_and_forgotten() -> None:
    found = EncodedText(piece_vocabulary("a", "b"))
    with pytest.raises(UnknownCharacter, match="0x63"):
        found.update(b"abc")
    found.update(b"ab")
    assert found.tokens == [0, 1]


def test_a_tokenizer_that_drops_a_byte_is_noticed() -> None:
    """As SmolLM2's does with control characters."""
    vocabulary = byte_vocabulary()

    def dropping(text: str, *, special: bool = False, bos: bool = False) -> list[int]:
        return [byte for byte in text.encode() if byte != 7]

    lossy = Vocabulary(
        vocabulary.strings, vocabulary.control, vocabulary.end, None, None, False, dropping,
        lambda token: b"" if token == 7 else vocabulary.piece(token),
    )  # fmt: skip
    with pytest.raises(UnknownCharacter, match="0x07"):
        lossy.encode_bytes(b"ring\a")


def test_a_break_that_is_gone_is_forgotten() -> None:
    found = encoded(b"the the", breaks=(2,))
    found.update(b"th", (2,))
    found.update(b"the cat")
    assert found.tokens == WORDS.encode_bytes(b"the cat")
