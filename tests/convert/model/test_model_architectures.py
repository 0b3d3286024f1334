"""Conversion of every architecture against transformers: token ids, logits, top-1."""

from pathlib import Path

import pytest

from localcollab.llama.tokenizer import load_vocabulary
from localcollab_convert.model.conversion import Conversion
from localcollab_convert.model.request import ModelRequest
from localcollab_convert.verify.divergence import score, summarize
from localcollab_convert.verify.parity import compare_with_tokenizer, load_tokenizer
from localcollab_convert.verify.readers import gguf_reader, open_gguf, open_torch, torch_reader
from real_tokenizers import llama_cpp_sdist
from tiny_models import DECODERS, TEXT, make_model

pytestmark = pytest.mark.slow
TYPES = ("F32", "F16", "Q8_0")
N_TOKENS = 128


def ignore(_line: object) -> None:
    pass


@pytest.fixture(scope="module", params=DECODERS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The original, and beside it the files made of it."""
    name: str = request.param
    path = make_model(name, tmp_path_factory.mktemp("architectures") / name)
    asked = ModelRequest(
        source=path, types=TYPES, name=name, out=path.parent, converter=llama_cpp_sdist()
    )
    conversion = Conversion(asked, ignore, ignore)
    conversion.check_space()
    for file_type in TYPES:
        conversion.quantized(file_type)
    return path


def file_of(folder: Path, file_type: str) -> Path:
    return folder.with_name(f"{folder.name}-{file_type}.gguf")


def test_token_ids_and_chats_equal_transformers(folder: Path) -> None:
    path = file_of(folder, "Q8_0")
    parity = compare_with_tokenizer(path, load_vocabulary(path), load_tokenizer(folder))
    assert parity.n_texts > 50
    assert parity.differences == ()


def test_logits_equal_transformers(folder: Path) -> None:
    vocabulary = load_vocabulary(file_of(folder, "F32"))
    tokens = vocabulary.encode(TEXT.read_text(), bos=True)[: 2 * N_TOKENS]
    windows = [tokens[:N_TOKENS], tokens[N_TOKENS:]]
    theirs = torch_reader(open_torch(folder, 1))
    found = {}
    for file_type in TYPES:
        model = open_gguf(file_of(folder, file_type), N_TOKENS, exact=True)
        found[file_type] = score(windows, gguf_reader(model), theirs, ignore)
    assert found["F32"].largest_difference <= 0.01
    assert summarize(found["F16"]).agreement >= 0.99
    assert summarize(found["Q8_0"]).kl < 1e-3
