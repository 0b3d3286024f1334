"""What ships is what the builder made, whole and small enough for the wheel."""

import hashlib
import json
from pathlib import Path
from typing import Any

import gguf
import pytest

import localcollab
from demo.tokenizer import load_tokenizer

SHIPPED = Path(localcollab.__file__).parent / "shipped" / "formulary"
MODELS = ("base", "formulary", "arithmetic")


def read_jsonl(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SHIPPED / name).read_text("utf-8").splitlines()]


def test_the_files_are_those_of_the_manifest() -> None:
    manifest = json.loads((SHIPPED / "manifest.json").read_text("utf-8"))
    found = {
        name: hashlib.sha256((SHIPPED / name).read_bytes()).hexdigest()
        for name in manifest["sha256"]
    }
    assert found == manifest["sha256"]
    assert {f"{model}.gguf" for model in MODELS} <= set(found)


def test_the_three_models_take_less_than_eleven_megabytes() -> None:
    assert sum((SHIPPED / f"{model}.gguf").stat().st_size for model in MODELS) < 11_000_000


@pytest.mark.parametrize("model", MODELS)
def test_a_model_carries_the_frozen_vocabulary(model: str) -> None:
    fields = gguf.GGUFReader(SHIPPED / f"{model}.gguf").fields
    tokenizer = load_tokenizer()
    strings = [tokenizer.id_to_token(token) for token in range(tokenizer.get_vocab_size())]
    assert fields["tokenizer.ggml.tokens"].contents() == strings
    assert ("tokenizer.chat_template" in fields) == (model == "base")


def test_the_test_asks_about_medicines_the_head_never_met_half_in_unseen_wordings() -> None:
    test = read_jsonl("test.jsonl")
    head = read_jsonl("head-train.jsonl") + read_jsonl("head-valid.jsonl")
    assert len(test) >= 600
    assert sum(item["wording"] == "unseen" for item in test) == len(test) / 2
    assert not {item["medicine"] for item in test} & {item["medicine"] for item in head}


def test_unknown_medicines_have_no_monograph() -> None:
    unknown = read_jsonl("unknown.jsonl")
    monographs = (SHIPPED / "monographs.txt").read_text("utf-8")
    assert len(unknown) >= 200
    assert not [item for item in unknown if f"# {item['medicine']}\n" in monographs]
