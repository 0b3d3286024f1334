"""The vocabulary of `calm_table`: a number of up to three digits is one token, as in Llama 3's.

Keys are cut into pieces, most of two letters. llama.cpp reads it as "llama-bpe".
"""

import random

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

import calm_keys
from demo.corpus import END

PRE_TOKENIZER = "llama-bpe"
N_TOKENS = 2048
_N_WORDS = 20_000
"""Made-up words that teach the pieces; the keys themselves are others."""
_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""How Llama 3 cuts text before merging (llama.cpp, src/llama-vocab.cpp)."""


def train_tokenizer(seed: int) -> Tokenizer:
    """`<eos>` is id 0 and the only control token."""
    # llama.cpp takes a whole word that is a token before it looks at the merges.
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=N_TOKENS,
        special_tokens=[END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    words = calm_keys.invent_keys(_N_WORDS, random.Random(f"{seed}/words"))
    marks = (calm_keys.CALCULATE, calm_keys.SUBSTITUTE)
    lines = [f"{n} {s} {n} {m}" for n in range(1000) for s in calm_keys.SIGNS for m in marks]
    tokenizer.train_from_iterator([*(word.name for word in words), *lines, *lines, *lines], trainer)
    return tokenizer
