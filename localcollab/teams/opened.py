"""An open team: its model, its members, and what a session needs of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from localcollab.catalog.settings import Settings
from localcollab.chat.own_form import OwnForm
from localcollab.chat.template import ChatTemplate
from localcollab.decoding.controller import Speculation
from localcollab.decoding.speculation import Draft
from localcollab.language_model import LanguageModel
from localcollab.llama.probe import Verdict
from localcollab.methods.familiarity import Speller
from localcollab.methods.heads import Head

if TYPE_CHECKING:
    from localcollab.isolation.isolated import IsolatedModel
    from localcollab.llama.context import LlamaModel
    from localcollab.llama.prompt_cache import PromptCache


@dataclass(frozen=True, slots=True)
class OpenTeam:
    name: str
    model: LanguageModel
    members: Mapping[str, LanguageModel]
    """The base first; in its vocabulary. A composition's members have contexts of their own."""
    verdicts: Mapping[str, Verdict]
    """By file, the base's first; of a team among the members as `tuned/expert`."""
    template: ChatTemplate | None
    """That of the base; None: its file has none."""
    head: Head | None = None
    spellers: Mapping[str, Speller] = field(default_factory=dict)
    draft: Draft | None = None
    settings: Settings = field(default_factory=Settings)
    recommended: Mapping[str, float] = field(default_factory=dict)
    """Sampling that the base's file recommends."""
    own_forms: tuple[OwnForm, ...] = ()
    """Of the members that are given the conversation in their own chat templates."""
    contexts: "Sequence[LlamaModel | IsolatedModel]" = ()
    """Of all members."""
    notes: tuple[str, ...] = ()
    """What was decided while it was planned."""
    prompt_cache: "PromptCache | None" = None
    """Where its contexts' states are kept; None: nowhere."""
    speculation: Speculation | None = None
    """Proposes tokens: the draft's among others. None: it is switched off, or cannot be used."""

    @property
    def base(self) -> LanguageModel:
        """The first member: its vocabulary and chat template are the team's."""
        return next(iter(self.members.values()))

    def expect(self, tokens: Sequence[int], *, recall: bool = True) -> None:
        """They are read next, perhaps in parts: what the prompt cache has of them is loaded at once.
        Not `recall`: they are evaluated whatever it has."""
        for context in self.contexts:
            context.expect(tokens, recall=recall)

    def keep_states(self, *, least_new: float = 0.0) -> None:
        """What its contexts hold goes to the prompt cache, if it has one and this share is new to it."""
        for context in self.contexts:
            context.keep_state(least_new)


class OnDemand(Mapping[str, LanguageModel]):
    """Models that are opened when they are first used."""

    def __init__(self, openers: Mapping[str, Callable[[], LanguageModel]]) -> None:
        self._openers, self._models = openers, dict[str, LanguageModel]()

    def __getitem__(self, name: str) -> LanguageModel:
        if name not in self._models:
            self._models[name] = self._openers[name]()
        return self._models[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._openers)

    def __len__(self) -> int:
        return len(self._openers)
