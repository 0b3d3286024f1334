"""The vocabulary of `calm_table`: digits stand alone, keys are cut into pieces, most of two letters.

The demo's rule cuts the words, so llama.cpp reads it as `demo.tokenizer.PRE_TOKENIZER`.
"""

import random

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

import calm_keys
from demo.corpus import END

N_TOKENS = 1024
_N_WORDS = 20_000
"""Made-up words that teach the pieces; the keys themselves are others."""


def train_tokenizer(seed: int) -> Tokenizer:
    """`<eos>` is id 0 and the only control token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=N_TOKENS,
        special_tokens=[END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    rng = random.Random(f"{seed}/words")
    words = [key.name for key in calm_keys.invent_keys(_N_WORDS, rng)]
    marks = (*calm_keys.SIGNS, calm_keys.CALCULATE, calm_keys.SUBSTITUTE)
    tokenizer.train_from_iterator([*words, *(f" {mark} " for mark in marks * 1000)], trainer)
    return tokenizer
