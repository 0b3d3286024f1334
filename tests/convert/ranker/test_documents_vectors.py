"""Hybrid search with a real encoder file: BERT's shape, random weights, through the command line."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

import localcollab as lc
from localcollab.documents.collection import collection_path
from localcollab.documents.database import Database
from localcollab.documents.search import vectors
from localcollab.errors import BadOption
from localcollab.llama.encoder import load_encoder
from localcollab_convert.model.conversion import Conversion
from localcollab_convert.model.request import ModelRequest
from tiny_models import make_model

pytestmark = [pytest.mark.slow, pytest.mark.weights]
TEXTS = ("the dose of the night", "a small pill for the day", "one two three four")


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "localcollab.cli.main", "docs", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def result(*words: str) -> object:
    child = run(*words, "--json")
    assert child.returncode == 0, child.stderr
    return json.loads(
        child.stdout.splitlines()[-1] if words[0] in ("add", "sync") else child.stdout
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model("bert", tmp_path_factory.mktemp("bert") / "bert")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Path:
    request = ModelRequest(source=folder, types=("F32",), name="bert", out=folder.parent)
    return Conversion(request, lambda _: None, lambda _: None).quantized("F32").path


def test_vectors_are_the_models_own(folder: Path, encoder: Path) -> None:
    """The mean of the states that transformers gives for the same tokens."""
    loaded, _ = load_encoder(encoder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.BertModel.from_pretrained(folder).eval()
    for text in TEXTS:
        ids = tokenizer(text)["input_ids"]
        assert loaded.write(text) == ids
        with torch.inference_mode():
            mean = model(torch.tensor([ids])).last_hidden_state[0].mean(dim=0).numpy()
        expected = mean / np.linalg.norm(mean)
        np.testing.assert_allclose(vectors.embed(loaded, text), expected, atol=2e-3)


def test_the_api_embeds_texts_as_rows_of_length_1_until_it_is_closed(encoder: Path) -> None:
    with lc.load_encoder(str(encoder), n_threads=1) as opened:
        rows = opened.embed(["a cat", "two dogs"])
        assert rows.shape == (2, opened.n_embd)
        assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 1], abs=1e-5)
        assert (opened.embed("cat", before="a ") == rows[0]).all()
    with pytest.raises(BadOption, match="closed"):
        opened.embed("a cat")


def test_a_collection_is_embedded_searched_and_kept_up(encoder: Path, tmp_path: Path) -> None:
    for n, text in enumerate(TEXTS):
        (tmp_path / f"{n}.txt").write_text(text)
    name = ["--collection", "hybrid"]
    result("add", str(tmp_path), *name)
    made = result("embed", "--model", str(encoder), *name)
    assert made == {"collection": "hybrid", "model": str(encoder), "embedded": 3}
    assert result("embed", "--model", str(encoder), *name)["embedded"] == 0  # type: ignore[index]
    hits = result("search", TEXTS[1], *name)
    # First by words and by vectors: 1 / 61 from each.
    assert hits[0]["text"] == TEXTS[1]  # type: ignore[index]
    assert hits[0]["score"] == pytest.approx(2 / 61)  # type: ignore[index]
    # No word of it stands anywhere: vectors alone answer.
    assert len(result("search", "zzz", *name)) == 3  # type: ignore[arg-type]
    (tmp_path / "1.txt").write_text("changed")
    result("sync", *name)
    assert "1 passage without a vector" in run("search", "dose", *name).stderr
    with Database(collection_path("hybrid")).read() as connection:
        assert {len(row[0]) for row in connection.execute("SELECT vector FROM vectors")} == {128}
    encoder_gone = tmp_path / "moved.gguf"
    encoder.rename(encoder_gone)
    child = run("search", "dose", *name)
    encoder_gone.rename(encoder)
    assert child.returncode == 1
    assert child.stderr.startswith("localcollab: the embedding model")
    assert result("embed", "--off", *name)["embedded"] == 0  # type: ignore[index]
    assert result("search", "zzz", *name) == []
