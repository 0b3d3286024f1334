"""A server on loopback, in a process of its own, whose team of two knows one answer by heart."""

import asyncio
import socket
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import uvicorn

from fakes import END
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import parse_gate
from localcollab.server import protocol
from localcollab.server.aids import Aids, by_similarity
from localcollab.server.app import build_app
from localcollab.server.guard import Rules
from localcollab.server.protocol import CarefulProtocol
from localcollab.server.serving import Serving, Sizes
from localcollab.server.shelf import Offer, Room, Shelf
from server_app import EchoModel, FakeSource, LetterEncoder

_ANSWERS = {
    "weather": '<tool_call>{"name": "weather", "arguments": {"place": "Oslo"}}</tool_call>',
    "hurt": '<img src=x onerror="window.hurt = true"><script>window.hurt = true</script>',
    "": "Pour water over the leaves. It should have eighty degrees, and two minutes are enough.",
}
_KNOWN = 27
"""Characters that the base is sure of."""


class Knowing(EchoModel):
    """Answers by heart; the base is unsure of what it would say after its part."""

    def _row(self, n_tokens: int) -> np.ndarray:
        asked = bytes(self.script).decode()
        key = next(key for key in _ANSWERS if key in asked)
        wanted = [*_ANSWERS[key].encode(), END]
        at = min(n_tokens - self.n_prompt, len(wanted) - 1)
        row = np.full(257, -12.0)
        row[wanted[max(at, 0)]] = 0.0
        if self.name == "base" and at >= _KNOWN and key == "":
            row = np.full(257, -1.0)
            row[ord("x")] = 0.0
        return row


class OnePlace:
    """Every grammar's only text, in place of llama.cpp's."""

    def allowed(self, tokens: Sequence[int]) -> np.ndarray:
        text = [*b'{"place": "Oslo"}', END]
        mask = np.zeros(257, bool)
        mask[text[min(len(tokens), len(text) - 1)]] = True
        return mask

    def close(self) -> None:
        pass


def make() -> DeferralTeam:
    experts = [Knowing(name="expert")]
    gate = parse_gate("entropy", 1, seed=0)
    return DeferralTeam("tea", Knowing(), experts, gate, threshold=0.6)


async def main(port: int) -> None:
    # Short, so that a test need not wait for them.
    protocol.SECONDS_FOR_HEAD, protocol.MOST_CONNECTIONS = 1.0, 40
    source = FakeSource(make, name="tea")
    with ThreadPoolExecutor(16) as executor:
        shelf = Shelf([Offer("tea", lambda: source, {"method": "deferral"})], executor, Room())
        aids = Aids(LetterEncoder(), by_similarity(LetterEncoder()))
        serving = Serving(
            shelf,
            executor,
            Sizes(seconds=1.0),
            aids=aids,
            open_grammar=lambda team, text: OnePlace(),
        )
        app: Any = build_app(serving, Rules())
        config = uvicorn.Config(app, http=CarefulProtocol, ws="none", log_config=None)
        listening = socket.create_server(("127.0.0.1", port))
        print("ready", flush=True)
        await uvicorn.Server(config).serve([listening])


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
