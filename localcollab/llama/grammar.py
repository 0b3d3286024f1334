"""Grammars in llama.cpp's form (GBNF), followed by llama.cpp in a child process on the same vocabulary.

A grammar comes from outside: one that ends its process, or takes too long or too much memory, ends the
child alone and raises `BadOption`.
"""

import base64
import codecs
import json
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from localcollab.children.launch import Child, Deadline
from localcollab.children.limits import DAY, Limits, memory_for
from localcollab.errors import BadOption
from localcollab.vocabulary import Vocabulary

SECONDS = 10.0
"""For one token; usual grammars take milliseconds."""
_SECONDS_TO_START = 60.0
_MOST_BYTES = 256 * 1024
_DEEPEST = 64
"""Parentheses within parentheses: llama.cpp's parser calls itself for each."""


class Grammars:
    """Children of one model file, each for one grammar at a time."""

    def __init__(self, path: Path, vocabulary: Vocabulary) -> None:
        self._path, self._vocabulary = path, vocabulary
        self._idle: list[Child] = []
        self._lock = threading.Lock()
        self._may_follow: dict[bytes, np.ndarray] = {}

    def open(self, text: str) -> "FollowedGrammar":
        """At its start. Raises `BadOption`."""
        _check(text)
        with self._lock:
            child = self._idle.pop() if self._idle else None
        return FollowedGrammar(text, self._vocabulary, child or _start(self._path), self)

    def may_follow(self, begun: bytes) -> np.ndarray:
        """(n_vocab,) bool: the tokens that are UTF-8 behind the first bytes of a character. llama.cpp
        takes other bytes for characters, too. Control tokens are names to it, and never become text."""
        if begun not in self._may_follow:
            vocabulary = self._vocabulary
            mask = np.zeros(vocabulary.n_tokens, bool)
            for token in range(vocabulary.n_tokens):
                mask[token] = token not in vocabulary.control and _is_utf8(
                    begun + vocabulary.piece(token)
                )
            mask[sorted(vocabulary.end)] = not begun
            self._may_follow[begun] = mask
        return self._may_follow[begun]

    def take_back(self, child: Child) -> None:
        with self._lock:
            self._idle.append(child)

    def close(self) -> None:
        with self._lock:
            while self._idle:
                self._idle.pop().close()


class FollowedGrammar:
    """See `decoding.constrained.Grammar`."""

    def __init__(self, text: str, vocabulary: Vocabulary, child: Child, owner: Grammars) -> None:
        self._text, self._child, self._owner = text, child, owner
        self._n_tokens, self._piece = vocabulary.n_tokens, vocabulary.piece
        self._begun = b""
        self._accepted: list[int] = []
        self._is_broken = False
        try:
            self._mask = self._ask({"grammar": text})
        except BadOption:
            self.close()
            raise

    def allowed(self, tokens: Sequence[int]) -> np.ndarray:
        """(n_vocab,) bool. Raises `BadOption`."""
        wanted = list(tokens)
        n = len(self._accepted)
        if wanted[:n] != self._accepted:
            self._accepted, self._begun, n = [], b"", 0
            self._mask = self._ask({"grammar": self._text})
        if wanted[n:]:
            written = b"".join(map(self._piece, wanted[n:]))
            self._begun = _last_character(self._begun + written)
            self._mask = self._ask({"accept": wanted[n:]})
            self._accepted = wanted
        return self._mask

    def close(self) -> None:
        if self._is_broken:
            self._child.close()
        else:
            self._owner.take_back(self._child)

    def _ask(self, request: dict[str, object]) -> np.ndarray:
        answer = _ask(self._child, json.dumps(request).encode() + b"\n", SECONDS)
        if "refused" in answer:
            self._is_broken = answer["refused"] == _ENDED
            raise BadOption(f"`grammar` cannot be used: {answer['refused'][:300]}")
        bits = np.frombuffer(base64.b64decode(answer["allowed"]), np.uint8)
        mask = np.unpackbits(bits, count=self._n_tokens).astype(bool)
        mask &= self._owner.may_follow(self._begun)
        return mask


def _is_utf8(data: bytes) -> bool:
    """Or the start of it."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return False
    return True


def _last_character(data: bytes) -> bytes:
    """The bytes of it that are there, where it is not whole."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(data)
    return decoder.getstate()[0]


_ENDED = "following it ended its process, or took too long: make it simpler"


def _start(path: Path) -> Child:
    limits = Limits(memory_for(path.stat().st_size, copies=1), DAY)
    child = Child("localcollab.llama.grammar_child", (str(path),), limits=limits)
    if "ready" not in _ask(child, b"", _SECONDS_TO_START):
        child.close()
        raise BadOption(
            f"`grammar`: the process that follows grammars does not start for {path.name}"
        )
    return child


def _ask(child: Child, line: bytes, seconds: float) -> dict[str, str]:
    deadline = Deadline(child, seconds)
    try:
        if line:
            child.send(line)
        assert child.process.stdout is not None
        said = child.process.stdout.readline()
    finally:
        deadline.stop()
    if not said.endswith(b"\n"):
        return {"refused": _ENDED}
    answer: dict[str, str] = json.loads(said)
    return answer


def _check(text: str) -> None:
    """Raises `BadOption` for what llama.cpp's parser should not see."""
    try:
        n_bytes = len(text.encode())
    except UnicodeEncodeError as error:
        raise BadOption("`grammar` is not valid Unicode: write it as UTF-8") from error
    if not text.strip() or n_bytes > _MOST_BYTES or "\0" in text:
        raise BadOption(
            f"`grammar` has {n_bytes} bytes: give a rule `root`, at most {_MOST_BYTES} bytes and no "
            "zero byte"
        )
    depth = deepest = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    if deepest > _DEEPEST:
        raise BadOption(
            f"`grammar` has parentheses {deepest} deep: at most {_DEEPEST} are possible"
        )
