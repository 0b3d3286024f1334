"""Tokenizers of well-known models as Hugging Face folders, from llama.cpp's vocab-only GGUF files.

LOCALCOLLAB_LLAMA_SDIST names the unpacked sdist that holds them; what needs it is skipped without.
"""

import json
import os
import struct
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_CONTROL, _UNKNOWN, _BYTE = 3, 2, 6
_STRING, _ARRAY = 8, 9
_CODES = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}

# llama.cpp's src/llama-vocab.cpp, and the models' own tokenizer.json
_SPLITS = {
    "qwen2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+",
    "gpt-2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
}


def llama_cpp_sdist() -> Path:
    """The llama.cpp folder of the sdist, or a skip."""
    root = os.environ.get("LOCALCOLLAB_LLAMA_SDIST")
    if not root or not Path(root, "vendor", "llama.cpp").is_dir():
        pytest.skip("needs LOCALCOLLAB_LLAMA_SDIST, an unpacked llama-cpp-python sdist")
    return Path(root, "vendor", "llama.cpp")


@cache
def _fields(name: str) -> dict[str, Any]:
    data = (llama_cpp_sdist() / "models" / f"ggml-vocab-{name}.gguf").read_bytes()
    prefix = "tokenizer.ggml."
    return {k.removeprefix(prefix): v for k, v in _metadata(data).items() if prefix in k}


def _metadata(data: bytes) -> dict[str, Any]:
    """All keys of a GGUF file with whole arrays; gguf's own reader takes a minute for these."""
    at = 24

    def scalar(code: str) -> Any:
        nonlocal at
        at += struct.calcsize(code)
        return struct.unpack_from("<" + code, data, at - struct.calcsize(code))[0]

    def string() -> str:
        nonlocal at
        length = scalar("Q")
        at += length
        return data[at - length : at].decode("utf-8", "surrogateescape")

    def value(kind: int) -> Any:
        if kind == _STRING:
            return string()
        if kind == _ARRAY:
            of, length = scalar("I"), scalar("Q")
            return [value(of) for _ in range(length)]
        return scalar(_CODES[kind])

    (n_keys,) = struct.unpack_from("<Q", data, 16)
    return {string(): value(scalar("I")) for _ in range(n_keys)}


def write_sentencepiece(
    folder: Path, name: str, tokenizer_class: str, *, dummy_prefix: bool = True
) -> int:
    """tokenizer.model and tokenizer.json with byte fallback. Returns the size of the vocabulary."""
    from sentencepiece import sentencepiece_model_pb2
    from tokenizers import AddedToken

    pb: Any = sentencepiece_model_pb2
    fields = _fields(name)
    proto = pb.ModelProto()
    types = [_UNKNOWN, _CONTROL, _CONTROL, *fields["token_type"][3:]]
    everything = list(zip(fields["tokens"], fields["scores"], types, strict=True))
    # What stands behind the 32000 of Llama was added to tokenizer.json only.
    pieces, added = everything[:32000], [t for t, _, kind in everything[32000:] if kind == _CONTROL]
    for token, score, kind in pieces:
        piece = proto.pieces.add()
        piece.piece, piece.score, piece.type = token, score, kind
    proto.trainer_spec.model_type = pb.TrainerSpec.BPE
    proto.trainer_spec.byte_fallback = True
    proto.trainer_spec.unk_id, proto.trainer_spec.bos_id, proto.trainer_spec.eos_id = 0, 1, 2
    proto.trainer_spec.vocab_size = len(pieces)
    proto.normalizer_spec.add_dummy_prefix = dummy_prefix
    proto.normalizer_spec.remove_extra_whitespaces = False
    proto.normalizer_spec.name = "identity"
    (folder / "tokenizer.model").write_bytes(proto.SerializeToString())
    fast = _fast_sentencepiece(pieces, dummy_prefix)
    # As Phi 3 publishes them: they swallow the blanks that follow.
    swallowing = [t for t in (*added, "</s>") if added and t != "<|endoftext|>"]
    fast.add_special_tokens(
        [AddedToken(t, special=True, normalized=False, rstrip=t in swallowing) for t in added]
    )
    if added:
        fast.add_special_tokens([AddedToken("</s>", special=True, normalized=False, rstrip=True)])
    fast.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": tokenizer_class, "bos_token": "<s>", "eos_token": "</s>",
        "unk_token": "<unk>", "add_bos_token": True, "add_eos_token": False,
    }  # fmt: skip
    _write_json(folder / "tokenizer_config.json", config)
    return len(everything)


def _fast_sentencepiece(pieces: list[tuple[str, float, int]], dummy_prefix: bool) -> Any:
    """As Llama 2 publishes its tokenizer.json."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors

    vocab = {token: n for n, (token, _, _) in enumerate(pieces)}
    tokenizer = Tokenizer(
        models.BPE(vocab, _merges(pieces, vocab), unk_token="<unk>", fuse_unk=True,
                   byte_fallback=True)
    )  # fmt: skip
    marks = normalizers.Replace(" ", "▁")
    prefix = [normalizers.Prepend("▁")] if dummy_prefix else []
    tokenizer.normalizer = normalizers.Sequence([*prefix, marks])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    special = [token for token, _, kind in pieces if kind in (_CONTROL, _UNKNOWN)]
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in special])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    return tokenizer


def _merges(pieces: list[tuple[str, float, int]], vocab: dict[str, int]) -> list[tuple[str, str]]:
    """Every split of a piece into two pieces, the best piece first."""
    merges = []
    for token, score, kind in pieces:
        if kind not in (_CONTROL, _UNKNOWN, _BYTE):
            splits = [(token[:i], token[i:]) for i in range(1, len(token))]
            found = [(a, b) for a, b in splits if a in vocab and b in vocab]
            found.sort(key=lambda pair: (vocab[pair[0]], vocab[pair[1]]))
            merges += [(score, pair) for pair in found]
    merges.sort(key=lambda item: -item[0])
    return [pair for _, pair in merges]


def write_bpe(folder: Path, name: str, *, template: str | None = None) -> int:
    """tokenizer.json of a byte-level BPE."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    fields = _fields(name)
    tokens, kinds = fields["tokens"], fields["token_type"]
    vocab = {token: n for n, token in enumerate(tokens)}
    merges = [tuple(merge.split(" ")) for merge in fields["merges"]]
    tokenizer = Tokenizer(models.BPE(vocab, merges))
    split = pre_tokenizers.Split(Regex(_SPLITS[name]), "isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    special = [t for t, kind in zip(tokens, kinds, strict=True) if kind == _CONTROL]
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in special])
    eos = tokens[fields["eos_token_id"]]
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=eos, bos_token=eos, chat_template=template
    )
    fast.save_pretrained(folder)
    return len(tokens)


def write_wordpiece(folder: Path) -> int:
    """vocab.txt and tokenizer.json of BERT, uncased."""
    from transformers import BertTokenizerFast

    marked = _fields("bert-bge")["tokens"]
    # llama.cpp marks the beginnings of words, BERT the other pieces.
    words = [t.removeprefix("▁") if t.startswith(("▁", "[")) else f"##{t}" for t in marked]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    return len(words)


def write_unigram(folder: Path, text: Path, n_tokens: int = 400) -> int:
    """spiece.model of T5's kind, trained on `text`: the sdist has none."""
    import sentencepiece as spm

    spm.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(folder / "spiece"), vocab_size=n_tokens,
        model_type="unigram", pad_id=0, eos_id=1, unk_id=2, bos_id=-1, byte_fallback=False,
        hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    (folder / "spiece.vocab").unlink()
    config = {"tokenizer_class": "T5Tokenizer", "extra_ids": 0, "eos_token": "</s>",
              "pad_token": "<pad>", "unk_token": "<unk>"}  # fmt: skip
    _write_json(folder / "tokenizer_config.json", config)
    return spm.SentencePieceProcessor(model_file=str(folder / "spiece.model")).get_piece_size()


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")
