"""A file is quantized again, measured, and kept only where it gains."""

from pathlib import Path

import pytest

from localcollab.catalog import load_catalog, models_dir
from localcollab.errors import BadModelFile, BadOption
from localcollab.llama.header import read_header
from localcollab.llama.probe import file_sha256
from localcollab.models.requantize import RequantizeRequest, make


def quiet(doing: object) -> None:
    pass


@pytest.mark.weights
def test_a_file_that_is_kept_says_what_it_was_made_from(stories: Path) -> None:
    found = make(RequantizeRequest(str(stories), "Q8_0", worth=0.0), quiet)
    assert found.path == models_dir() / f"{found.name}.gguf"
    assert load_catalog().model(found.name).path == found.path
    metadata = read_header(found.path).metadata
    assert metadata["localcollab.requantized_from"] == file_sha256(stories)
    assert found.bytes_after < found.bytes_before / 2
    again = make(RequantizeRequest(found.name, "Q4_0", worth=0.0), quiet)  # of quantized weights
    assert again.name == "stories260K-tok512.Q4_0"
    with pytest.raises(BadOption, match="exists already"):
        make(RequantizeRequest(str(stories), "Q8_0"), quiet)


@pytest.mark.weights
def test_a_file_that_gains_nothing_is_not_kept(stories: Path) -> None:
    found = make(RequantizeRequest(str(stories), "Q8_0", worth=1e9), quiet)
    assert found.path is None
    assert list(models_dir().iterdir()) == []
    assert found.name not in load_catalog().models


@pytest.mark.weights
def test_a_damaged_file_leaves_nothing(stories: Path, tmp_path: Path) -> None:
    half = tmp_path / "half.gguf"
    half.write_bytes(stories.read_bytes()[: stories.stat().st_size // 2])
    with pytest.raises(BadModelFile):
        make(RequantizeRequest(str(half), "Q8_0"), quiet)
    assert not models_dir().exists()


def test_an_unknown_type_is_named() -> None:
    with pytest.raises(BadOption, match="`type`"):
        RequantizeRequest("model", "Q9")
