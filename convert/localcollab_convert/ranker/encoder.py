"""The encoder a pair ranker starts from, as a Hugging Face folder: a given one, or a small new one.

New ones are ModernBERT: rotary positions need far fewer examples than learned ones. Written with the keys
of the published configuration, which llama.cpp's converter reads.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from localcollab.blend.ranker_file import Form
from localcollab.errors import BadModelFile
from localcollab.vocabulary import Vocabulary
from localcollab_convert.ranker.request import EncoderSize

MARKS = ("<|source|>", "<|candidate1|>", "<|candidate2|>")
SPLITS_AS = "gpt-2"
"""Pre-tokenizer of the tokenizers trained here."""
_SPLIT = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_CLS, _SEP, _PAD, _UNK, _MASK = "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"
_WINDOW = 64
"""Tokens of local attention."""


def write_new_encoder(
    folder: Path, texts: Iterable[str], size: EncoderSize, n_ctx: int, seed: int
) -> None:
    """A tokenizer trained on `texts` and random weights."""
    import torch
    import transformers

    tokenizer = _train_tokenizer(texts, size.n_vocab)
    tokenizer.save_pretrained(folder)
    ids = {name: getattr(tokenizer, f"{name}_token_id") for name in ("pad", "cls", "sep")}
    config = transformers.ModernBertConfig(
        vocab_size=len(tokenizer), hidden_size=size.width, intermediate_size=2 * size.width,
        num_hidden_layers=size.n_layers, num_attention_heads=size.width // 32,
        max_position_embeddings=n_ctx, local_attention=_WINDOW, pad_token_id=ids["pad"],
        bos_token_id=ids["cls"], eos_token_id=ids["sep"], cls_token_id=ids["cls"],
        sep_token_id=ids["sep"],
    )  # fmt: skip
    # The keys of published models; transformers 5 writes others.
    config.layer_norm_eps = config.norm_eps
    config.global_rope_theta, config.local_rope_theta = 160000.0, 10000.0
    torch.manual_seed(seed)
    transformers.ModernBertModel(config).save_pretrained(folder)


def _train_tokenizer(texts: Iterable[str], n_vocab: int) -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(_SPLIT), "isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=n_vocab, special_tokens=[_CLS, _SEP, _PAD, _UNK, _MASK, *MARKS],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, cls_token=_CLS, sep_token=_SEP, pad_token=_PAD, unk_token=_UNK,
        mask_token=_MASK, bos_token=_CLS, eos_token=_SEP,
    )  # fmt: skip


def write_marked_encoder(source: Path, folder: Path) -> None:
    """A given encoder with the three marks in its vocabulary. Raises `BadModelFile`."""
    import transformers

    try:
        options = {"local_files_only": True, "trust_remote_code": False}
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(source), **options)
        model = transformers.AutoModel.from_pretrained(str(source), **options)
    except Exception as error:  # a damaged folder may raise anything
        raise BadModelFile(
            f"{source}: not an encoder that transformers can load ({_short(error)}): give a Hugging Face "
            "folder, or `from_scratch`"
        ) from error
    if getattr(model.config, "is_encoder_decoder", False) or not tokenizer.sep_token:
        raise BadModelFile(
            f"{source}: not a BERT-like encoder with a separator: give another, or `from_scratch`"
        )
    tokenizer.add_special_tokens({"additional_special_tokens": list(MARKS)})
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)


def form_of(vocabulary: Vocabulary, n_source: int, n_candidate: int) -> Form:
    """`vocabulary`: of the converted encoder. Raises `BadModelFile` where a mark is missing."""
    ids = {string: token for token, string in enumerate(vocabulary.strings)}
    missing = [mark for mark in MARKS if mark not in ids]
    separator = ids.get(_SEP, ids.get("</s>", vocabulary.eos))
    if missing or separator is None:
        raise BadModelFile(
            f"the converted encoder has no {', '.join(missing) or 'separator'}: give another encoder"
        )
    return Form(
        source=ids[MARKS[0]], candidate1=ids[MARKS[1]], candidate2=ids[MARKS[2]],
        separator=separator, begin=vocabulary.bos, n_source=n_source, n_candidate=n_candidate,
    )  # fmt: skip


def load_encoder_module(folder: Path) -> Any:
    """In F32, for training and saving."""
    import torch
    import transformers

    return transformers.AutoModel.from_pretrained(
        str(folder), local_files_only=True, trust_remote_code=False, dtype=torch.float32
    )


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
