"""llama.cpp must cut text exactly as the trainings did."""

import random
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from demo import corpus
from demo.tokenizer import N_TOKENS, train_tokenizer
from demo.world import Medicine
from localcollab.llama.tokenizer import load_vocabulary
from localcollab.vocabulary import Vocabulary

pytestmark = pytest.mark.weights

Encode = Callable[[str], list[int]]

ODD = [
    *(
        "",
        " ",
        "  ",
        "   x",
        "x   ",
        "\n",
        "\n\n",
        " \n ",
        "\t\tx\t",
        "a\r\nb",
        "x \n\n y",
        "\u00a0x",
    ),
    *("caffè", "naïve Straße", "日本語のテキスト", "مرحبا", "שלום", "Привет, мир", "e\u0301", "ﬁ"),
    *("😀", "👩‍👩‍👧 family", "a😀b 7", "½ ² ٣ ४ Ⅳ ①", "12345", "1.5e-3", "7x15=105", "a1b22c333"),
    *("it's we'll I'VE don't 're", "'s's", "''", "...!?", '--flag="x"', "# Name\n", "a_b-c/d\\e"),
    *("\u200b\u200d", "\ufeffx", "\x00\x01\x7f", "x\u2028y\u3000z", "  \u2003 x", "<eos", "< eos>"),
]


@pytest.fixture(scope="module")
def vocabulary(gguf_path: Path) -> Vocabulary:
    return load_vocabulary(gguf_path)


@pytest.fixture(scope="module")
def encode(vocabulary: Vocabulary) -> Encode:
    """llama.cpp's own tokenization, special tokens as text."""
    return vocabulary.encode


def test_generated_texts_tokenize_as_in_llama_cpp(
    tokenizer: Tokenizer, private: list[Medicine], encode: Encode
) -> None:
    rng = random.Random(7)
    streams = (
        corpus.base_documents(private),
        corpus.formulary_documents(private),
        corpus.arithmetic_documents,
    )
    for stream in streams:
        for document in islice(stream(rng), 1000):
            for text in "".join(segment.text for segment in document).split(corpus.END):
                assert encode(text) == tokenizer.encode(text).ids


@pytest.mark.parametrize("text", ODD)
def test_odd_text_tokenizes_as_in_llama_cpp(
    tokenizer: Tokenizer, encode: Encode, text: str
) -> None:
    assert encode(text) == tokenizer.encode(text).ids


def test_random_characters_tokenize_as_in_llama_cpp(tokenizer: Tokenizer, encode: Encode) -> None:
    rng = random.Random(3)
    alphabet = [*" \n\t'.,!?0123456789abcdefgSTUV#", "é", "ß", "日", "😀", "½", "\u00a0", "\u3000"]
    for _ in range(2000):
        text = "".join(rng.choice(alphabet) for _ in range(rng.randint(1, 40)))
        assert encode(text) == tokenizer.encode(text).ids


def test_the_end_mark_is_the_only_control_token(tokenizer: Tokenizer) -> None:
    assert tokenizer.token_to_id(corpus.END) == 0
    assert tokenizer.decode(tokenizer.encode("One dose, 15 mg. ½😀").ids) == "One dose, 15 mg. ½😀"


def test_a_new_vocabulary_has_the_size_and_cuts_of_the_frozen_one(
    tokenizer: Tokenizer, private: list[Medicine]
) -> None:
    new = train_tokenizer(private, random.Random(0))
    assert new.get_vocab_size() == tokenizer.get_vocab_size() == N_TOKENS
    text = "One dose of Zanolin is 15 mg."
    assert new.pre_tokenizer.pre_tokenize_str(text) == tokenizer.pre_tokenizer.pre_tokenize_str(
        text
    )
