"""The one vocabulary of the three models: byte-level BPE that llama.cpp reads as "smollm".

Digits stand alone, then GPT-2's pattern cuts words. `PRE_TOKENIZER` names the same rule in
llama.cpp; a test holds the two against each other. The vocabulary is frozen in a file: models and
heads of one build go on fitting those of another, whatever the corpus becomes.
"""

import random
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from demo import corpus
from demo.corpus import Documents
from demo.world import Medicine

N_TOKENS = 768
PRE_TOKENIZER = "smollm"
_FROZEN = Path(__file__).parent / "vocabulary.json"


def load_tokenizer() -> Tokenizer:
    """The frozen vocabulary: what `train_tokenizer` made for the first shipped team."""
    return Tokenizer.from_file(str(_FROZEN))


def train_tokenizer(private: Sequence[Medicine], rng: random.Random) -> Tokenizer:
    """Merges learned from samples of the three streams; `<eos>` is id 0 and the only control."""
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
        special_tokens=[corpus.END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_sample(private, rng), trainer)
    return tokenizer


def _sample(private: Sequence[Medicine], rng: random.Random) -> Iterator[str]:
    """Text of all streams, without the end mark."""
    streams: list[tuple[Documents, int]] = [
        (corpus.base_documents(private), 4000),
        (corpus.formulary_documents(private), 3000),
        (corpus.arithmetic_documents, 500),
    ]
    for documents, count in streams:
        for document in islice(documents(rng), count):
            yield "".join(segment.text for segment in document).replace(corpus.END, "")
