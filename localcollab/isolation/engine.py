"""The child process that evaluates one model; `isolated` is its only user. It may crash, and alone does.

Takes the path of the shared rows and then messages (`channel`): `open` first, then `read`, `forget`,
`threads`. Each is answered by `done`, or by `error` with the name and text of an error of the program.
While it reads it says `chunk` and waits for `go`; whole blocks of rows it announces by `rows`.
"""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from localcollab.errors import LocalcollabError
from localcollab.isolation.channel import Channel, Rows
from localcollab.language_model import Reading, Stopped, rows_at_once
from localcollab.llama.adapter import apply_adapter
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.rpc import parse_address, use_workers
from localcollab.llama.weights import load_weights


class Engine:
    """One context, and the tokens that it was last asked to read."""

    def __init__(self, channel: Channel, rows: Path) -> None:
        self._channel, self._path = channel, rows
        self._tokens: list[int] = []
        self._model: LlamaModel | None = None
        self._rows: Rows | None = None

    def serve(self) -> None:
        """Until the program closes its side."""
        while True:
            try:
                record, payload = self._channel.receive()
            except EOFError:
                return
            try:
                said = self._answer(record, payload)
            except LocalcollabError as error:
                said = {"say": "error", "error": type(error).__name__, "text": str(error)}
            except Stopped:
                said = {"say": "error", "error": Stopped.__name__, "text": ""}
            self._channel.send(said)

    def _answer(self, record: dict[str, Any], payload: bytes) -> dict[str, Any]:
        match record["do"]:
            case "open":
                self._open(record)
            case "read":
                self._read(record, payload)
            case "forget":
                self._opened.forget()
            case "threads":
                self._opened.set_threads(record["n_threads"])
        model = self._opened
        return {
            "say": "done", "n_ctx": model.n_ctx, "n_embd": model.n_embd,
            "n_evaluated": model.n_evaluated, "n_batches": model.n_batches,
        }  # fmt: skip

    @property
    def _opened(self) -> LlamaModel:
        assert self._model is not None, "the program opens before it asks"
        return self._model

    def _open(self, record: dict[str, Any]) -> None:
        options = Options(**record["options"])
        path, name = Path(record["path"]), record["name"]
        if record["worker"] is not None:
            use_workers([parse_address(record["worker"])])
        weights = load_weights(path, options, extra_buffers=record["extra_buffers"])
        self._model = LlamaModel(weights, options, name=name)
        if record["adapter"] is not None:
            apply_adapter(self._model, Path(record["adapter"]))
        n_vocab = weights.vocabulary.n_tokens
        self._rows = Rows(self._path, rows_at_once(n_vocab), n_vocab + weights.n_embd)

    def _read(self, record: dict[str, Any], payload: bytes) -> None:
        self._tokens[record["kept"] :] = np.frombuffer(payload, np.int32).tolist()
        reading = self._opened.read(
            self._tokens,
            last=record["last"],
            hidden=record["hidden"],
            on_chunk=self._chunk if record["chunks"] else None,
        )
        self._show(reading)

    def _show(self, reading: Reading) -> None:
        assert self._rows is not None
        block, n_vocab = self._rows.block, reading.logits.shape[1]
        for start in range(0, len(reading.logits), len(block)):
            rows = reading.logits[start : start + len(block)]
            block[: len(rows), :n_vocab] = rows
            if reading.hidden is not None:
                block[: len(rows), n_vocab:] = reading.hidden[start : start + len(rows)]
            self._ask({"say": "rows", "n_rows": len(rows)})

    def _chunk(self, done: int, total: int) -> None:
        if not self._ask({"say": "chunk", "done": done, "total": total}):
            raise Stopped

    def _ask(self, said: dict[str, Any]) -> bool:
        self._channel.send(said)
        return bool(self._channel.receive().record["go"])


def main(rows: Path) -> None:
    # What a library prints must not stand among the messages.
    said = os.dup(1)
    os.dup2(2, 1)
    Engine(Channel(0, said), rows).serve()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
