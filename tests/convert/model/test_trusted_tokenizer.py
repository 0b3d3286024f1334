"""`convert model --trust-tokenizer`: for a tokenizer that llama.cpp has never seen."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from localcollab.errors import BadModelFile
from localcollab.llama.tokenizer import load_vocabulary
from localcollab_convert.model import make
from localcollab_convert.model.request import ModelRequest
from localcollab_convert.model.verification import TokenizersDiffer
from localcollab_convert.verify.parity import compare_with_tokenizer, load_tokenizer
from tiny_models import TEXT, make_model

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a tokenizer of its own, which cuts as GPT-2's does."""
    path = make_model("gpt2", tmp_path_factory.mktemp("own") / "model")
    own = Tokenizer(models.BPE())
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    own.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=600, initial_alphabet=alphabet, special_tokens=["<|endoftext|>"],
        show_progress=False,
    )  # fmt: skip
    own.train([str(TEXT)], trainer)
    own.save(str(path / "tokenizer.json"))
    for name in ("vocab.json", "merges.txt"):
        (path / name).unlink(missing_ok=True)
    return path


def convert(folder: Path, out: Path, trusted: str | None) -> None:
    request = ModelRequest(
        source=folder, types=("Q8_0",), name="own", out=out, trust_tokenizer=trusted, verify=False
    )
    make.make_model(request, lambda _: None, lambda _: None)


def test_an_unknown_tokenizer_is_refused_with_the_option_that_helps(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadModelFile, match="`trust_tokenizer`"):
        convert(folder, tmp_path, None)
    assert not list(tmp_path.glob("*.gguf"))


def test_vouched_for_it_cuts_as_the_original(folder: Path, tmp_path: Path) -> None:
    convert(folder, tmp_path, "gpt-2")
    path = tmp_path / "own-Q8_0.gguf"
    parity = compare_with_tokenizer(path, load_vocabulary(path), load_tokenizer(folder))
    assert parity.differences == ()


def test_vouched_for_wrongly_nothing_gets_its_final_name(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(
        TokenizersDiffer, match=r"with the pre-tokenizer qwen2 .* give another `trust_tokenizer`"
    ):
        convert(folder, tmp_path, "qwen2")
    assert not list(tmp_path.glob("*.gguf"))
