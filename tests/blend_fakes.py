"""Scripted members of a blend."""

from collections.abc import Sequence

from fakes import ScriptedModel
from localcollab.language_model import OnChunk, Reading
from localcollab.teams.opened import OpenTeam


class Speaker(ScriptedModel):
    """Answers every prompt with its script; remembers the prompts."""

    def __init__(self, says: str, name: str, n_ctx: int = 4096) -> None:
        super().__init__(list(says.encode()), name="base", n_ctx=n_ctx, p=0.999)
        self.owner, self.prompts, self._last = name, list[str](), list[int]()

    def read(
        self, tokens: Sequence[int], *, last: int = 1, hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:  # fmt: skip
        if list(tokens[:-1]) != self._last:
            self.n_prompt = len(tokens)
            self.prompts.append(bytes(tokens).decode())
        self._last = list(tokens)
        return super().read(tokens, last=last, hidden=hidden, on_chunk=on_chunk)


def team(says: str, name: str, n_ctx: int = 4096) -> OpenTeam:
    model = Speaker(says, name, n_ctx)
    return OpenTeam(name, model, {"base": model}, {}, None)
