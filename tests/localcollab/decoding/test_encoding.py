from hypothesis import given
from hypothesis import strategies as st

from localcollab.decoding.encoding import TextStream, encode_continuation, encode_start
from localcollab.vocabulary import Vocabulary
from toy_vocabulary import BOS, toy_vocabulary


@given(st.text(), st.data())
def test_a_text_cut_anywhere_is_streamed_whole(text: str, data: st.DataObject) -> None:
    encoded = text.encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(encoded)))))
    stream = TextStream()
    parts = [encoded[a:b] for a, b in zip([0, *cuts], [*cuts, len(encoded)], strict=True)]
    assert "".join(stream.add(part) for part in parts) + stream.flush() == text


def test_a_character_is_held_back_until_its_last_byte() -> None:
    stream = TextStream()
    assert [stream.add(bytes([byte])) for byte in "é🙂".encode()] == ["", "é", "", "", "", "🙂"]


def test_a_stream_is_complete_when_nothing_is_held_back() -> None:
    stream = TextStream()
    states = []
    for byte in "aé".encode():
        stream.add(bytes([byte]))
        states.append(stream.is_complete)
    assert states == [True, False, True]


@given(st.binary(), st.data())
def test_broken_bytes_become_replacement_characters(encoded: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(encoded)))
    stream = TextStream()
    text = stream.add(encoded[:cut]) + stream.add(encoded[cut:]) + stream.flush()
    assert text == encoded.decode("utf-8", "replace")


def test_no_space_is_added_in_the_middle_of_a_sequence() -> None:
    vocabulary = toy_vocabulary(adds_space=True)
    assert encode_continuation(vocabulary, "Hello") == [262]


def test_blanks_in_the_middle_of_a_sequence_become_no_more() -> None:
    assert encode_continuation(toy_vocabulary(adds_space=True), "  ") == [268]


def test_no_space_is_added_after_a_special_token() -> None:
    vocabulary = toy_vocabulary(adds_space=True)
    assert encode_continuation(vocabulary, "<|im_end|>\n<|im_start|>user") == [259, 265, 258, 269]


def test_the_space_at_the_very_start_stays() -> None:
    vocabulary = toy_vocabulary(adds_bos=True, adds_space=True)
    assert encode_start(vocabulary, "Hello<|im_end|>user") == [BOS, 263, 259, 269]


def test_a_vocabulary_that_cannot_write_a_text_writes_what_it_can() -> None:
    vocabulary = toy_vocabulary()

    def lower(text: str, *, special: bool = False, bos: bool = False) -> list[int]:
        return list(text.lower().encode())

    lossy = Vocabulary(
        vocabulary.strings, frozenset(), frozenset(), None, None, False, lower, vocabulary.piece
    )
    assert encode_continuation(lossy, "abCd\ne") == [*b"abcd\ne"]
