"""Spellings are made once; a damaged file is made again."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from localcollab.vocabularies import stored
from localcollab.vocabularies.spelling import Spelling, spell
from localcollab.vocabularies.stored import stored_spelling
from localcollab.vocabulary import Vocabulary
from tiny_vocabularies import piece_vocabulary

INNER = piece_vocabulary("a", "b", " ", "ab", " a", "xyz", b"\xff")
OUTER = piece_vocabulary("a", "b", " ", "bab", "x", "y", "z")


@pytest.fixture(autouse=True)
def _everything_is_worth_storing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(stored, "_WORTH_STORING", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def stored_file(pieces: bool = False) -> Path:
    """Of the spelling, or of the inner vocabulary's pieces."""
    files = sorted(stored.cache_dir().iterdir())
    mine = [f for f in files if f.name.startswith("pieces-") == pieces]
    (found,) = [f for f in mine if not pieces or INNER.fingerprint[:32] in f.name]
    return found


def fresh(vocabulary: Vocabulary) -> Vocabulary:
    """As it is when its model has just been opened."""
    return replace(vocabulary)


def equal(one: Spelling, other: Spelling) -> bool:
    arrays = ("offsets", "flat", "ends", "first", "order")
    same = all(np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays)
    return same and one.sorted_pieces == other.sorted_pieces and one.n_outer == other.n_outer


def test_each_token_is_spelled_by_the_outer_tokenizer() -> None:
    found = spell(INNER, OUTER)
    assert [found.of(token) for token in range(INNER.n_tokens)] == [
        (0,), (1,), (2,), (0, 1), (2, 0), (4, 5, 6), (), (7,),
    ]  # fmt: skip
    assert found.first.tolist() == [0, 1, 2, 0, 2, 4, 8, 7]
    assert found.ends.tolist() == [1, 1, 1, 1, 2, 1, 2, 1, 2, 3, 0]


def test_a_stored_spelling_is_the_one_that_was_made() -> None:
    made = spell(INNER, OUTER)
    stored_spelling(INNER, OUTER)
    file = stored_file()
    assert file.suffix == ".safetensors"
    assert equal(stored_spelling(INNER, OUTER), made)


@pytest.mark.parametrize("damage", [b"", b"\0" * 64, b"garbage" * 9])
def test_a_damaged_file_is_made_again(damage: bytes) -> None:
    stored_spelling(INNER, OUTER)
    file = stored_file()
    sound = file.read_bytes()
    file.write_bytes(damage)
    assert equal(stored_spelling(INNER, OUTER), spell(INNER, OUTER))
    assert file.read_bytes() == sound


def test_a_file_of_other_tokens_is_made_again() -> None:
    stored_spelling(INNER, OUTER)
    file = stored_file()
    sound = file.read_bytes()
    file.write_bytes(sound[:-4] + b"\xff\xff\xff\x7f")  # a token that the outer vocabulary lacks
    assert equal(stored_spelling(INNER, OUTER), spell(INNER, OUTER))


def test_a_folder_that_cannot_be_written_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert equal(stored_spelling(INNER, OUTER), spell(INNER, OUTER))
    assert "will be made again" in caplog.text


def test_models_that_are_open_share_one() -> None:
    first = stored_spelling(INNER, OUTER)
    assert stored_spelling(INNER, OUTER) is first


def test_pieces_come_from_the_cache_where_they_are_the_tokenizers() -> None:
    stored_spelling(fresh(INNER), OUTER)
    asked = list[int]()

    def piece(token: int) -> bytes:
        asked.append(token)
        return INNER.piece(token)

    again = replace(INNER, piece=piece)
    stored.know_stored_pieces(again)
    asked.clear()
    assert again.pieces == INNER.pieces
    assert not asked


def test_pieces_of_another_tokenizer_are_made_again() -> None:
    """The strings may be the same, and what they write another thing."""
    stored_spelling(fresh(INNER), OUTER)
    other = replace(INNER, piece=lambda token: INNER.piece(token).upper())
    stored.know_stored_pieces(other)
    assert other.pieces == tuple(piece.upper() for piece in INNER.pieces)


@pytest.mark.parametrize("damage", [b"", b"\0" * 64, b"garbage" * 9])
def test_damaged_pieces_are_made_again(damage: bytes) -> None:
    stored_spelling(fresh(INNER), OUTER)
    file = stored_file(pieces=True)
    sound = file.read_bytes()
    file.write_bytes(damage)
    again = fresh(INNER)
    stored.know_stored_pieces(again)
    assert again.pieces == INNER.pieces
    assert file.read_bytes() == sound
