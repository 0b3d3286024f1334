"""A conversation in the chat template of a member, beside the base's form of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from localcollab.chat.rendering import encode, render
from localcollab.chat.template import ChatTemplate, Message
from localcollab.vocabularies.prompts import OwnPrompts
from localcollab.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class OwnForm:
    """How one member is given prompts."""

    template: ChatTemplate
    vocabulary: Vocabulary
    """The member's own."""
    prompts: OwnPrompts

    def give(
        self,
        prompt: Sequence[int],
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, object]] = (),
    ) -> None:
        """The member reads `prompt`, the base's tokens of these messages, in its own form.

        Raises what rendering and encoding raise."""
        rendering = render(self.template, messages, self.vocabulary, tools)
        self.prompts.give(prompt, encode(rendering, self.vocabulary, at_start=True))
