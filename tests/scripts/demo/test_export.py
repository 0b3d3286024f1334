"""What llama.cpp computes from a written file is what was trained."""

import random
from itertools import islice
from pathlib import Path

import gguf
import jinja2
import pytest
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from demo import corpus, export
from demo.world import Medicine

TEXTS = ["User: What is one dose of Zanolin?\nAssistant:\n", "# Zanolin\n7 x 15 = 105 mg."]


def render(messages: list[dict[str, str]], *, prompt: bool) -> str:
    template = jinja2.Environment(autoescape=False).from_string(export.CHAT_TEMPLATE)
    return template.render(messages=messages, add_generation_prompt=prompt)


@pytest.mark.weights
def test_f16_logits_are_the_trained_models(
    untrained: LlamaForCausalLM, tokenizer: Tokenizer, gguf_path: Path
) -> None:
    assert export.check_logits(untrained, tokenizer, gguf_path, TEXTS, tolerance=0.01) > 0


@pytest.mark.weights
def test_a_wrong_model_is_noticed(
    untrained: LlamaForCausalLM, tokenizer: Tokenizer, gguf_path: Path, tmp_path: Path
) -> None:
    untrained.model.norm.weight.data.neg_()
    try:
        with pytest.raises(SystemExit, match="logits differ"):
            export.check_logits(untrained, tokenizer, gguf_path, TEXTS, tolerance=0.01)
    finally:
        untrained.model.norm.weight.data.neg_()


@pytest.mark.weights
def test_quantized_logits_are_close(
    untrained: LlamaForCausalLM, tokenizer: Tokenizer, gguf_path: Path, tmp_path: Path
) -> None:
    export.quantize(gguf_path, tmp_path / "q8.gguf")
    assert export.check_logits(untrained, tokenizer, tmp_path / "q8.gguf", TEXTS, 0.1) > 0
    assert [path.name for path in tmp_path.iterdir()] == ["q8.gguf"]


def test_a_file_says_where_it_comes_from(gguf_path: Path) -> None:
    fields = gguf.GGUFReader(gguf_path).fields
    assert fields["general.license"].contents() == "MIT"
    assert fields["general.description"].contents() == "an untrained model"
    assert fields["localcollab.demo.seed"].contents() == "0"
    assert fields["tokenizer.ggml.pre"].contents() == "smollm"


def test_the_template_renders_what_the_base_was_trained_on(private: list[Medicine]) -> None:
    for document in islice(corpus.base_documents(private)(random.Random(0)), 100):
        text = "".join(segment.text for segment in document)
        messages = []
        if text.startswith("System: "):
            system, _, text = text.removeprefix("System: ").partition("\n")
            messages.append({"role": "system", "content": system})
        for turn in text.removeprefix("User: ").split("\nUser: "):
            question, _, answer = turn.partition("\nAssistant:\n")
            answer = answer.partition(corpus.END)[0]
            messages.append({"role": "user", "content": question})
            messages.append({"role": "assistant", "content": answer})
        assert render(messages, prompt=False) == "".join(segment.text for segment in document)


def test_a_prompt_ends_where_the_answer_begins() -> None:
    messages = [{"role": "user", "content": " What is one dose of Zanolin?\n"}]
    expected = corpus.open_turn("What is one dose of Zanolin?")
    assert render(messages, prompt=True) == expected
