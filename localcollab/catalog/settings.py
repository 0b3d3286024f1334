"""How a model or a team is asked unless the caller says otherwise: part of its entry in models.toml."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Settings:
    """None, and no sampling: nothing is said."""

    sampling: Mapping[str, float] = field(default_factory=dict)
    """By the names of `decoding.sampling.Sampling`."""
    n_ctx: int | None = None
    """Tokens of context to open."""
    threads: int | None = None
    system: str | None = None
    """System prompt."""
    max_tokens: int | None = None
    stop: tuple[str, ...] | None = None
    """Strings that end an answer."""
    template: Path | None = None
    """A file with a chat template, instead of the model's own."""
    second_thoughts: bool | None = None
    """An answer that loops goes back and on in another way; None: as False."""
    speculation: bool | None = None
    """Whether tokens are proposed and read several at once, where that is faster."""
    prompt: Literal["base", "own"] | None = None
    """As an expert: the conversation in the base's chat form, or in its own. None: the base's."""

    def over(self, weaker: "Settings") -> "Settings":
        """These, and what `weaker` says where these say nothing; sampling options one by one."""
        values: dict[str, Any] = {
            each.name: getattr(self, each.name)
            if getattr(self, each.name) is not None
            else getattr(weaker, each.name)
            for each in fields(self)
        }
        return Settings(**values | {"sampling": {**weaker.sampling, **self.sampling}})


def as_table(settings: Settings) -> dict[str, Any]:
    """As models.toml has it. A template is a file elsewhere, and stays out."""
    table = {name: getattr(settings, name) for name in SETTINGS if name != "template"}
    table["sampling"] = dict(settings.sampling)
    table["stop"] = None if settings.stop is None else list(settings.stop)
    return {name: value for name, value in table.items() if value not in (None, {}, "")}


SETTINGS = tuple(each.name for each in fields(Settings))
