"""The child process in which llama.cpp follows a grammar; `grammar` is its only user.

llama.cpp ends the process for a grammar it does not expect, and some grammars take all memory. So it runs
here, on the vocabulary alone. Speaks JSON lines: `{"grammar": text}` begins one, `{"accept": [ids]}` goes
on; the answer is `{"allowed": base64 of a bit for each token}` or `{"refused": why}`.
"""

import base64
import ctypes
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from localcollab.llama.bindings import api
from localcollab.llama.loaded import LoadedModel, default_params, load_model

_DATA = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


class Follower:
    """The state of the last grammar that was begun."""

    def __init__(self, model: LoadedModel, said: IO[bytes]) -> None:
        """`said`: what llama.cpp writes to standard error."""
        self._model, self._said = model, said
        self._n_tokens = int(api.llama_vocab_n_tokens(model.vocab))
        self._sampler: Any = None

    def begin(self, grammar: str) -> dict[str, str]:
        self._close()
        self._said.seek(0)
        self._said.truncate()
        self._sampler = api.llama_sampler_init_grammar(self._model.vocab, grammar.encode(), b"root")
        if not self._sampler:
            self._said.seek(0)
            lines = self._said.read().decode("utf-8", "replace").split("\n")
            return {"refused": next(filter(None, lines), "it does not parse")}
        return self.accept(())

    def accept(self, tokens: Sequence[int]) -> dict[str, str]:
        for token in tokens:
            api.llama_sampler_accept(self._sampler, token)
        packed = np.packbits(self._allowed()).tobytes()
        return {"allowed": base64.b64encode(packed).decode()}

    def _allowed(self) -> np.ndarray:
        data = np.zeros(self._n_tokens, _DATA)
        data["id"] = np.arange(self._n_tokens)
        array = api.llama_token_data_array(
            data.ctypes.data_as(ctypes.POINTER(api.llama_token_data)), self._n_tokens, -1, False
        )
        api.llama_sampler_apply(self._sampler, ctypes.byref(array))
        allowed: np.ndarray = np.isfinite(data["logit"])
        return allowed

    def _close(self) -> None:
        if self._sampler:
            api.llama_sampler_free(self._sampler)
            self._sampler = None


def main(path: Path) -> None:
    params = default_params()
    params.vocab_only = True
    model = load_model(path, params, "read its vocabulary")
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        follower = Follower(model, said)
        print('{"ready": true}', flush=True)
        for line in sys.stdin:
            request = json.loads(line)
            if "grammar" in request:
                answer = follower.begin(request["grammar"])
            else:
                answer = follower.accept(request["accept"])
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
