"""Which quantizations are fast here: what is advised, what is remembered, what is measured."""

import json
from pathlib import Path

import pytest

from localcollab.llama import speed
from localcollab.llama.header import read_header
from localcollab.llama.speed import TYPES, Speed, faster_here, faster_type, known_types, speeds_of
from localcollab.llama.synthetic import write_random_model
from small_gguf import U32, small_llama

SPEEDS = {
    "Q8_0": Speed(600, 100), "Q6_K": Speed(900, 100), "Q4_1": Speed(300, 130),
    "Q4_0": Speed(1200, 140), "Q5_0": Speed(290, 120),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        ("Q4_1", 1024, ("Q6_K", 3.0)),
        ("Q4_1", 576, ("Q8_0", 2.0)),  # K-quants need rows of 256
        ("Q8_0", 1024, None),  # nothing keeps as much
        ("Q6_K", 1024, None),
        ("Q4_0", 1024, None),
        ("F16", 1024, None),
    ],
)
def test_only_a_type_that_loses_nothing_more_is_advised(
    name: str, row: int, expected: tuple[str, float] | None
) -> None:
    assert faster_type(name, SPEEDS, row=row) == expected


def test_a_type_that_writes_much_slower_is_not_advised() -> None:
    speeds = SPEEDS | {"Q8_0": Speed(600, 50), "Q6_K": Speed(900, 50)}
    assert faster_type("Q4_1", speeds) is None


def test_a_file_is_advised_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "slow.gguf"
    path.write_bytes(small_llama().with_key("general.file_type", U32, 3).to_bytes())
    assert "Q4_1 reads prompts slowly here, Q8_0 2.0 times" in str(faster_here(path, SPEEDS))
    assert faster_here(path, {}) is None
    path.write_bytes(b"GGUF")
    assert faster_here(path, SPEEDS) is None


def test_what_was_measured_holds_for_its_build_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    file = tmp_path / "localcollab" / "quantizations.json"
    file.parent.mkdir()
    assert known_types() == {}
    speeds = {name: {"prompt": 2.0, "answer": 1.0} for name in TYPES}
    file.write_text(json.dumps({"build": speed._build(), "speeds": speeds}))
    assert known_types() == dict.fromkeys(TYPES, Speed(2.0, 1.0))
    damaged = json.dumps({"build": "x", "speeds": speeds}), "[]", "{", '{"build": 1}'
    for text in damaged:
        file.write_text(text)
        assert known_types() == {}


@pytest.mark.weights
def test_a_file_is_measured_in_a_child(stories: Path) -> None:
    (found,) = speeds_of([stories], extra_buffers=False, on_progress=lambda doing: None)
    assert found.prompt > 0 < found.answer


@pytest.mark.slow
def test_the_random_model_is_a_sound_file(tmp_path: Path) -> None:
    path = tmp_path / "random.gguf"
    write_random_model(path, n_ctx=300)
    header = read_header(path)
    assert header.number("embedding_length") == 1024
    assert path.stat().st_size == pytest.approx(205e6, rel=0.05)
