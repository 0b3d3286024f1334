"""What is read of a GGUF before llama.cpp sees it, and each way in which it is refused."""

import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcollab.errors import BadModelFile
from localcollab.llama.header import read_header
from small_gguf import ARRAY, BOOL, I32, STRING, U32, Gguf, small_llama

SOUND = small_llama()


def write(path: Path, file: Gguf | bytes) -> Path:
    path.write_bytes(file if isinstance(file, bytes) else file.to_bytes())
    return path


def test_a_sound_file_is_read_whole(tmp_path: Path) -> None:
    header = read_header(write(tmp_path / "m.gguf", SOUND))
    assert (header.architecture, header.is_quantized) == ("llama", False)
    assert header.number("attention.head_count") == 4
    assert header.number("no.such.key") is None
    assert len(header.tensors) == len(SOUND.entries)
    assert header.lengths["tokenizer.ggml.tokens"] == len(SOUND.value("tokenizer.ggml.tokens")[1])
    assert header.metadata["tokenizer.ggml.tokens"] == []  # long arrays: only their length


def test_the_largest_of_a_list_counts(tmp_path: Path) -> None:
    file = SOUND.with_key("llama.attention.head_count_kv", ARRAY, (I32, [1, 8, 2]))
    header = read_header(write(tmp_path / "m.gguf", file))
    assert header.number("attention.head_count_kv") == 8


def test_a_model_that_attends_to_later_tokens_is_known(tmp_path: Path) -> None:
    encoder = SOUND.with_key("llama.attention.causal", BOOL, False)
    found = [read_header(write(tmp_path / "m.gguf", file)).looks_ahead for file in (SOUND, encoder)]
    assert found == [False, True]


def test_a_quantized_tensor_makes_a_quantized_file(tmp_path: Path) -> None:
    entries = (SOUND.entries[0]._replace(type=8), *SOUND.entries[1:])
    assert read_header(write(tmp_path / "m.gguf", replace(SOUND, entries=entries))).is_quantized


FIRST = SOUND.entries[0]
DAMAGED: dict[str, tuple[Callable[[], Gguf | bytes], str]] = {
    "empty": (lambda: b"", "0 bytes, too short for a GGUF"),
    "other": (lambda: b"PK\x03\x04" + bytes(100), "give a GGUF file"),
    "old": (lambda: replace(SOUND, version=1), "version 1 is not supported"),
    "counts": (lambda: replace(SOUND, n_tensors=2**60), "the header claims"),
    "cut": (lambda: SOUND.to_bytes()[:-4000], "ends at byte"),
    "cut early": (lambda: SOUND.to_bytes()[:200], "the header claims|runs past the end"),
    "long string": (lambda: SOUND.with_key("x", STRING, "x", 2**40), "claims to be"),
    "long array": (lambda: SOUND.with_key("x", ARRAY, (U32, [1]), 2**40), "claims 1099511627776"),
    "nested array": (lambda: SOUND.with_key("x", ARRAY, (ARRAY, [(U32, [1])])), "unsupported type 9"),
    "odd type": (lambda: SOUND.with_key("x", 77, 1), "unknown type 77"),
    "twice": (lambda: replace(SOUND, keys=(*SOUND.keys, SOUND.keys[0])), "occurs twice"),
    "no architecture": (lambda: SOUND.without_key("general.architecture"), "architecture is missing"),
    "no vocabulary": (lambda: SOUND.without_key("tokenizer.ggml.tokens"), "holds no vocabulary"),
    "no weights": (lambda: replace(SOUND, entries=()), "no weights"),
    "layers": (lambda: SOUND.with_key("llama.block_count", U32, 10**6), "block_count is 1000000"),
    "alignment": (lambda: SOUND.with_key("general.alignment", U32, 7), "general.alignment is 7"),
    "tensor type": (
        lambda: replace(SOUND, entries=(FIRST._replace(type=99),)),
        "unknown type 99",
    ),
    "tensor twice": (lambda: replace(SOUND, entries=(FIRST, FIRST)), "occurs twice"),
    "rank": (lambda: replace(SOUND, entries=(FIRST._replace(shape=(1,) * 5),)), "5 dimensions"),
    "zero": (lambda: replace(SOUND, entries=(FIRST._replace(shape=(0, 3)),)), "has shape"),
    "offset": (lambda: replace(SOUND, entries=(FIRST._replace(offset=1),)), "has shape"),
    "row": (lambda: replace(SOUND, entries=(FIRST._replace(type=14),)), "has shape"),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_table_that_cannot_be_true_is_refused(kind: str, tmp_path: Path) -> None:
    damaged, message = DAMAGED[kind]
    path = write(tmp_path / f"{kind}.gguf", damaged())
    with pytest.raises(BadModelFile, match=message) as caught:
        read_header(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_what_is_no_regular_file_is_never_opened(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo.gguf"
    os.mkfifo(fifo)
    for path in (fifo, tmp_path, Path("/dev/zero")):
        with pytest.raises(BadModelFile, match="not a regular file: check the path"):
            read_header(path)
    with pytest.raises(BadModelFile, match="no such model file"):
        read_header(tmp_path / "missing.gguf")


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(flips=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 7)), max_size=6))
def test_any_flipped_bits_are_read_or_refused(tmp_path: Path, flips: list[tuple[int, int]]) -> None:
    data = bytearray(SOUND.to_bytes())
    for at, bit in flips:
        data[at] ^= 1 << bit
    with contextlib.suppress(BadModelFile):  # nothing else may come out of it
        read_header(write(tmp_path / "flipped.gguf", bytes(data)))
