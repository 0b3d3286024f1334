"""A plugin of LLM: every installed team and model of localcollab, with its options and its authors.

Nothing is loaded before it is asked. How a team answers is localcollab's.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path

import llm
from pydantic import Field

import localcollab as lc
from localcollab.catalog import load_catalog
from localcollab.chat.transcript import Turn
from localcollab.llama.header import read_header
from localcollab.teams.choosing import chat_choices
from localcollab.teams.defaults import chat_limits, chat_sampling
from localcollab.teams.session import Session

PREFIX = "localcollab/"
Load = Callable[[str], lc.Team]


class _Options(llm.Options):
    """Those of `lc.AnswerOptions` that people set."""

    temperature: float | None = Field(None, description="0 = greedy decoding.")
    max_tokens: int | None = Field(None, description="Maximum number of tokens to generate.")
    top_k: int | None = Field(None, description="Keep the k most likely tokens.")
    top_p: float | None = Field(None, description="Nucleus sampling.")
    min_p: float | None = Field(None, description="Least share of the top token's probability.")
    repeat_penalty: float | None = Field(None, description="Penalty on recent tokens; 1 = off.")
    seed: int | None = Field(None, description="Random seed.")


class TeamModel(llm.Model):
    """A team, or a model alone. A conversation is told again at each turn; its cache knows it."""

    can_stream = True
    Options = _Options

    def __init__(self, name: str, load: Load = lc.load) -> None:
        self.model_id, self._name, self._load = PREFIX + name, name, load

    def __str__(self) -> str:
        return f"localcollab: {self._name}"

    @cached_property
    def _team(self) -> lc.Team:
        return self._load(self._name)

    def execute(
        self,
        prompt: llm.Prompt,
        stream: bool,
        response: llm.Response,
        conversation: llm.Conversation | None,
    ) -> Iterator[str]:
        given = prompt.options.model_dump(exclude_none=True)
        opened = self._team.opened
        earlier = conversation.responses if conversation is not None else ()
        turns = [Turn(each.prompt.prompt, each.text()) for each in earlier]
        session = Session.restored(opened, turns, system=prompt.system or opened.settings.system)
        limits = chat_limits(opened, given.pop("max_tokens", None))
        tokens: list[dict[str, object]] = []
        for event in session.ask(prompt.prompt, chat_sampling(opened, given), limits):
            match event:
                case lc.Token():
                    tokens.append(_record(event))
                    yield event.text
                case lc.Finished():
                    response.set_usage(input=event.n_prompt, output=len(event.tokens))
                    response.response_json = {
                        "reason": event.reason, "authors": dict(event.authors), "tokens": tokens
                    }  # fmt: skip


def _record(token: lc.Token) -> dict[str, object]:
    return {
        "text": token.text, "author": token.author, "probability": token.probability,
        "p_defer": token.p_defer, "unsure": token.unsure,
    }  # fmt: skip


class EncoderModel(llm.EmbeddingModel):
    """An encoder: texts -> vectors of length 1."""

    supports_binary = False

    def __init__(self, name: str, load: Callable[[str], lc.TextEncoder] = lc.load_encoder) -> None:
        self.model_id, self._name, self._load = PREFIX + name, name, load

    @cached_property
    def _encoder(self) -> lc.TextEncoder:
        return self._load(self._name)

    def embed_batch(self, items: Iterable[str | bytes]) -> Iterator[list[float]]:
        for item in items:
            assert isinstance(item, str), "only texts are supported"
            yield [float(value) for value in self._encoder.embed(item)[0]]


@llm.hookimpl
def register_models(register: Callable[..., None]) -> None:
    for name in chat_choices(load_catalog()):
        register(TeamModel(name))


@llm.hookimpl
def register_embedding_models(register: Callable[..., None]) -> None:
    catalog = load_catalog()
    for name, entry in catalog.models.items():
        if _is_encoder(entry.path):
            register(EncoderModel(name))


def _is_encoder(path: Path) -> bool:
    """What is not there, or cannot be read, is none."""
    if not os.path.isfile(path):
        return False
    try:
        header = read_header(path)
    except lc.LocalcollabError:
        return False
    return header.metadata.get(f"{header.architecture}.attention.causal") is False
