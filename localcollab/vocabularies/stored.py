"""Spellings and pieces kept on disk: for large vocabularies they take seconds to make, and a fraction to
read.

A file belongs to the fingerprints of its vocabularies. It is a cache: one that is missing, damaged or of
another version is made again, and one that cannot be written is left out.
"""

import hashlib
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from weakref import WeakValueDictionary

import numpy as np
import platformdirs
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from localcollab.vocabularies.spelling import IntArray, Spelling, arranged, spell
from localcollab.vocabulary import Vocabulary

logger = logging.getLogger("localcollab.note")

_VERSION = "2"
_WORTH_STORING = 2**15
"""Tokens of the two together: smaller ones are spelled in less time than a file takes."""
_N_COMPARED = 512
"""Stored pieces that are compared with the tokenizer's."""
_in_use: WeakValueDictionary[Path, Spelling] = WeakValueDictionary()
"""Of the models that are open: conversations side by side share one."""


def stored_spelling(inner: Vocabulary, outer: Vocabulary) -> Spelling:
    """As `spell`, from memory or from the cache where it is there."""
    if inner.n_tokens + outer.n_tokens < _WORTH_STORING:
        return spell(inner, outer)
    for vocabulary in (inner, outer):
        know_stored_pieces(vocabulary)
    path = _path(inner, outer)
    found = _in_use.get(path) or _load(path, inner, outer) or _make(path, inner, outer)
    _in_use[path] = found
    return found


def know_stored_pieces(vocabulary: Vocabulary) -> None:
    """Its `pieces` from the cache, if some of them are what the tokenizer says; else into the cache."""
    if "pieces" in vars(vocabulary):
        return
    path = cache_dir() / f"pieces-{_VERSION}-{vocabulary.fingerprint[:32]}.safetensors"
    found = _load_pieces(path, vocabulary)
    if found is not None:
        vocabulary.know_pieces(found)
        return
    lengths = np.fromiter(map(len, vocabulary.pieces), np.int32)
    text = np.frombuffer(b"".join(vocabulary.pieces), np.uint8)
    _save(path, {"lengths": lengths, "bytes": text})


def _load_pieces(path: Path, vocabulary: Vocabulary) -> tuple[bytes, ...] | None:
    try:
        tensors = load_file(path)
        lengths, text = tensors["lengths"], tensors["bytes"]
    except (OSError, SafetensorError, KeyError, ValueError):
        return None
    is_sound = (
        (lengths.dtype, text.dtype) == (np.dtype(np.int32), np.dtype(np.uint8))
        and lengths.shape == (vocabulary.n_tokens,)
        and int(lengths.min(initial=0)) >= 0
        and text.shape == (int(lengths.astype(np.int64).sum()),)
    )
    if not is_sound:
        return None
    data, ends = text.tobytes(), np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).tolist()
    pieces = tuple(data[start:end] for start, end in pairwise(ends))
    some = range(0, vocabulary.n_tokens, max(1, vocabulary.n_tokens // _N_COMPARED))
    return pieces if all(pieces[t] == vocabulary.piece(t) for t in some) else None


def cache_dir() -> Path:
    return platformdirs.user_cache_path("localcollab") / "spellings"


def _path(inner: Vocabulary, outer: Vocabulary) -> Path:
    key = f"{_VERSION} {inner.fingerprint} {outer.fingerprint}"
    return cache_dir() / (hashlib.sha256(key.encode()).hexdigest()[:32] + ".safetensors")


def _load(path: Path, inner: Vocabulary, outer: Vocabulary) -> Spelling | None:
    try:
        tensors = load_file(path)
        lengths, flat, order = tensors["lengths"], tensors["flat"], tensors["order"]
    except (OSError, SafetensorError, KeyError, ValueError):
        return None
    if not _is_sound(lengths, flat, order, inner, outer):
        return None
    lengths, flat, order = (array.astype(np.int64) for array in (lengths, flat, order))
    return arranged(lengths, flat, order, inner, outer)


def _is_sound(
    lengths: np.ndarray, flat: np.ndarray, order: np.ndarray, inner: Vocabulary, outer: Vocabulary
) -> bool:
    n_written = sum(map(bool, inner.pieces))
    return (
        lengths.shape == (inner.n_tokens,)
        and flat.shape == (int(lengths.astype(np.int64).sum()),)
        and order.shape == (n_written,)
        and {lengths.dtype, flat.dtype, order.dtype} == {np.dtype(np.int32)}
        and int(lengths.min(initial=0)) >= 0
        and 0 <= int(flat.min(initial=0)) <= int(flat.max(initial=0)) < outer.n_tokens
        and 0 <= int(order.min(initial=0)) <= int(order.max(initial=0)) < inner.n_tokens
    )


def _make(path: Path, inner: Vocabulary, outer: Vocabulary) -> Spelling:
    spelling = spell(inner, outer)
    lengths: IntArray = np.diff(spelling.offsets)
    arrays = {"lengths": lengths, "flat": spelling.flat, "order": spelling.order}
    _save(path, {name: array.astype(np.int32) for name, array in arrays.items()})
    return spelling


def _save(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    partial = path.with_suffix(f".{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(dict(arrays), partial)
        os.replace(partial, path)
    except (OSError, SafetensorError) as error:
        logger.warning("%s cannot be written, so it will be made again: %s", path, error)
        with suppress(OSError):
            partial.unlink()
