"""What `convert model` refuses, in one line, before any work is done."""

from pathlib import Path

import pytest

from localcollab.errors import BadData, BadOption, LocalcollabError
from localcollab_convert.model.make import make_model
from localcollab_convert.model.request import ModelRequest, parse_types
from localcollab_convert.verify.request import VerifyRequest
from small_gguf import small_llama


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "small.gguf"
    path.write_bytes(small_llama(n_embd=64).to_bytes())
    return path


CASES: dict[str, tuple[dict[str, object], type[LocalcollabError], str]] = {
    "a name with folders": ({"name": "../small"}, BadOption, "the name '../small-Q8_0' cannot be used"),
    "no such matrix": ({"imatrix": Path("/none.gguf")}, BadData, "/none.gguf: no such file"),
    "a file as folder": ({"out": Path(__file__)}, BadOption, "cannot be created .*: give another `out`"),
    "a tokenizer for a file": ({"trust_tokenizer": "gpt-2"}, BadOption, "for Hugging Face folders"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_used_is_said_before_any_work(
    case: str, source: Path, tmp_path: Path
) -> None:
    changed, error, said = CASES[case]
    values: dict[str, object] = {"name": "small", "out": tmp_path / "out", **changed}
    with pytest.raises(error, match=said):
        convert(source, **values)
    assert [path.name for path in tmp_path.iterdir()] == ["small.gguf"]


def test_a_matrix_that_is_none_is_named(source: Path, tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"small\.gguf: not an importance matrix"):
        convert(source, name="small", out=tmp_path / "out", imatrix=source)


def test_a_text_that_is_not_there_is_said_before_anything_is_quantized(
    source: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadData, match=r"none\.txt: cannot be read"):
        convert(source, name="small", out=tmp_path / "out", text=tmp_path / "none.txt", verify=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("n_tokens", [-5, 0, 1, 2**20 + 1])
def test_a_number_of_tokens_out_of_range_is_refused_with_the_range(n_tokens: int) -> None:
    with pytest.raises(
        BadOption, match=f"`n_tokens` is {n_tokens}: give a number from 2 to 1048576"
    ):
        VerifyRequest(path=Path("a"), against=Path("b"), n_tokens=n_tokens)


def test_an_unknown_type_is_refused_with_the_known_ones() -> None:
    assert parse_types(["q8_0", "Q8_0", "f16"]) == ("Q8_0", "F16")
    with pytest.raises(BadOption, match="`types` has Q9, which is unknown: choose from F32, F16"):
        parse_types(["Q9"])


def convert(source: Path, **values: object) -> None:
    request = ModelRequest(source=source, types=("Q8_0",), **{"verify": False} | values)  # type: ignore[arg-type]
    make_model(request, lambda _: None, lambda _: None)
