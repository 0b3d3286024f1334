"""A file that takes all memory: stopped, told as what it is, and remembered."""

from pathlib import Path

import pytest

from conftest import fixture_file
from localcollab.errors import BadModelFile
from localcollab.llama.probe import all_remembered, probe, remembered
from reversed_rwkv import write_reversed

pytestmark = [pytest.mark.weights, pytest.mark.slow]


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    out = tmp_path / "reversed.gguf"
    write_reversed(fixture_file("weights", "rwkv-5v2-730K-bytes.f32.gguf"), out)
    return out


def test_a_file_that_takes_all_memory_is_stopped_told_and_remembered(endless: Path) -> None:
    tried: list[str] = []
    with pytest.raises(BadModelFile, match=r"takes more than \d\.\d GiB .* use another file$"):
        probe(endless, tried.append)
    with pytest.raises(
        BadModelFile, match=r"use another file \(found before; .* checks it again\)"
    ):
        probe(endless, tried.append)
    assert len(tried) == 1
    verdict = remembered(endless)
    assert verdict in all_remembered()
    assert verdict is not None
    assert not verdict.is_sound


def test_a_changed_file_is_tried_again(endless: Path, rwkv: Path) -> None:
    with pytest.raises(BadModelFile, match="takes more than"):
        probe(endless)
    endless.write_bytes(rwkv.read_bytes())
    assert probe(endless).is_sound
