"""The tokenizer of a model file as a `Vocabulary`.

An SPM vocabulary without byte tokens raises an uncaught C++ exception for an unknown character, so
such text is rejected here before llama.cpp sees it.
"""

import ctypes
from collections.abc import Callable
from pathlib import Path

from localcollab.errors import BadModelFile, BadOption, UnknownCharacter
from localcollab.llama.bindings import api
from localcollab.llama.header import read_header
from localcollab.llama.loaded import LoadedModel, default_params, load_model
from localcollab.vocabulary import Vocabulary

_SPM = 1
_NULL = -1
_MAX_TEXT = 64 * 2**20


def load_vocabulary(path: Path) -> Vocabulary:
    """Without the weights, of any architecture llama.cpp knows. Raises `BadModelFile`.

    Does not `probe` the file: call it in a child process where the file is not trusted.
    """
    read_header(path)
    params = default_params()
    params.vocab_only = True
    return read_vocabulary(load_model(path, params, "read its vocabulary"), path.name)


def read_vocabulary(model: LoadedModel, owner: str) -> Vocabulary:
    """`owner` names the model in errors."""
    vocab = model.vocab
    n_tokens = api.llama_vocab_n_tokens(vocab)
    if n_tokens < 1 or api.llama_vocab_type(vocab) == 0:
        raise BadModelFile(f"{owner}: holds no vocabulary: give a complete language model")
    strings = tuple(
        (api.llama_vocab_get_text(vocab, token) or b"").decode("utf-8", "surrogateescape")
        for token in range(n_tokens)
    )
    ids = range(n_tokens)
    adds_bos = bool(api.llama_vocab_get_add_bos(vocab))
    bos = _id_or_none(api.llama_vocab_bos(vocab))
    return Vocabulary(
        strings=strings,
        control=frozenset(t for t in ids if api.llama_vocab_is_control(vocab, t)),
        end=frozenset(t for t in ids if api.llama_vocab_is_eog(vocab, t)),
        bos=bos,
        eos=_id_or_none(api.llama_vocab_eos(vocab)),
        adds_bos=adds_bos and bos is not None,
        encode=_encoder(model, owner, _writable(vocab, strings), bos if adds_bos else None),
        piece=_piece(model),
    )


def _id_or_none(token: int) -> int | None:
    return None if token == _NULL else token


def _writable(vocab: object, strings: tuple[str, ...]) -> frozenset[str] | None:
    """The characters that can be encoded; None if every byte has a token."""
    if api.llama_vocab_type(vocab) != _SPM:
        return None
    known = set(strings)
    if all(f"<0x{byte:02X}>" in known for byte in range(256)):
        return None
    return frozenset(s for s in strings if len(s) == 1) | ({" "} if "▁" in known else set())


def _encoder(
    model: LoadedModel, owner: str, writable: frozenset[str] | None, bos: int | None
) -> Callable[..., list[int]]:
    n_tokens = api.llama_vocab_n_tokens(model.vocab)

    def encode(text: str, *, special: bool = False, bos_wanted: bool = False) -> list[int]:
        _refuse_unwritable(text, writable, owner)
        tokens = tokenize(model, text, owner, special=special)
        start = [bos] if bos_wanted and bos is not None else []
        if tokens and not 0 <= min(tokens) <= max(tokens) < n_tokens:
            raise UnknownCharacter(
                f"{owner} has no tokens for part of this text: shorten it, or use another model"
            )
        return start + tokens

    return lambda text, *, special=False, bos=False: encode(text, special=special, bos_wanted=bos)


def tokenize(
    model: LoadedModel, text: str, owner: str, *, special: bool, around: bool = False
) -> list[int]:
    """Token ids of a text that can be encoded. `around`: with the special tokens the model expects."""
    data = text.encode("utf-8")
    n_max = len(data) + 16
    # More than that: three byte tokens per space, if the vocabulary has no token for it.
    for _ in range(2):
        buffer = (api.llama_token * n_max)()
        n = api.llama_tokenize(model.vocab, data, len(data), buffer, n_max, around, special)
        if n >= 0:
            return list(buffer[:n])
        n_max = -n
    raise BadOption(
        f"{owner}: cannot tokenize {len(data)} bytes of text ({n_max} tokens): shorten it"
    )


def _refuse_unwritable(text: str, writable: frozenset[str] | None, owner: str) -> None:
    if len(text) > _MAX_TEXT:
        raise BadOption(f"the text has {len(text)} characters: give at most {_MAX_TEXT}")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadOption(
            f"the text is not valid Unicode at character {error.start}: save it as UTF-8"
        ) from error
    if writable is None:
        return
    unknown = sorted(set(text) - writable)
    if unknown:
        shown = ", ".join(repr(c) for c in unknown[:5])
        raise UnknownCharacter(
            f"{owner} has no tokens for {len(unknown)} of these characters ({shown}) and no byte "
            "tokens: remove them, or use another model"
        )


def _piece(model: LoadedModel) -> Callable[[int], bytes]:
    cache: dict[int, bytes] = {}

    def piece(token: int) -> bytes:
        if token not in cache:
            size = 64
            while True:
                buffer = ctypes.create_string_buffer(size)
                n = api.llama_token_to_piece(model.vocab, token, buffer, size, 0, False)
                if n >= 0:
                    break
                size = -n
            cache[token] = buffer.raw[:n]
        return cache[token]

    return piece
