"""A blend in the models' thread: opened, asked, and refused where logits are needed, which it has not."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

from localcollab.blend.open import open_blend
from localcollab.blend.residence import Residence
from localcollab.blend.session import BlendSession, Recipe
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.errors import BadOption
from localcollab.events import Prompted
from localcollab.history.resume import turns_of
from localcollab.llama.options import Options
from localcollab.llama.prompt_cache import PromptCache
from localcollab.progress import OnProgress
from localcollab.teams.identity import member_sha256
from localcollab.teams.open import Files
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import TeamPlan
from localcollab_tui.messages import Ask, Began, Streamed, TeamFacts


@dataclass(frozen=True, slots=True)
class OpenBlend:
    """A blend that can be asked; its residence holds as many members as the memory has room for."""

    session: BlendSession
    residence: Residence
    facts: TeamFacts
    prompt_cache: PromptCache | None = None

    def ask(
        self,
        job: Ask,
        sampling: Sampling,
        limits: Limits,
        stop_event: threading.Event,
        *,
        notes: tuple[str, ...] = (),
    ) -> Iterator[Began | Streamed]:
        """Raises what the members and the ranker raise."""
        question, session = job.question, self.session
        turns = turns_of(question.before, question.ids, "")[question.drop :]
        # Every member tokenizes the conversation itself.
        session.turns = tuple(replace(turn, tokens=()) for turn in turns)
        session.system = question.system_sent or None
        prompted = Prompted(0, notes=notes)
        yield Began(job.ticket, prompted, self.facts, False, question.drop, question.summary)
        for event in session.ask(question.text, sampling, limits, stop_event=stop_event):
            yield Streamed(job.ticket, event)

    def keep_states(self, *, least_new: float = 0.0) -> None:
        """As `OpenTeam`."""
        self.residence.keep_states(least_new=least_new)

    def first(self) -> OpenTeam:
        """The member by which a conversation is fitted into the context; one with a smaller context may
        still raise."""
        return self.residence.open(self.session.recipe.members[0])

    def refusal(self) -> BadOption:
        return BadOption(
            f"{self.facts.name} is a blend, which picks among whole answers, so it has no tokens to "
            "inspect (/team opens one of its members)"
        )


def open_as_blend(
    plan: TeamPlan,
    options: Options,
    on_progress: OnProgress,
    prompt_cache: PromptCache | None = None,
) -> OpenBlend:
    """Loads the first member, so that its errors come before the first question.

    Raises what opening a blend raises."""
    recipe, residence = open_blend(plan, options, on_progress, prompt_cache=prompt_cache)
    first = residence.open(recipe.members[0])
    files = Files(options, on_progress)
    sha256s = {member.name: member_sha256(member, files.verdict) for member in plan.members}
    facts = blend_facts(plan.name, recipe, first)
    facts = replace(
        facts, notes=plan.notes, sha256s=tuple(sha256s.get(name, "") for name in facts.members)
    )
    session = BlendSession(recipe, residence.open, residence.open_fuser)
    return OpenBlend(session, residence, facts, prompt_cache)


def blend_facts(name: str, recipe: Recipe, first: OpenTeam) -> TeamFacts:
    """The authors of a blend of one member's samples are the members of that member."""
    writers = [*recipe.members, *([recipe.fuser] if recipe.fuser else [])]
    members = tuple(dict.fromkeys(writers)) if len(writers) > 1 else tuple(first.members)
    return TeamFacts(
        name, members, first.model.n_ctx, gate=None, threshold=None,
        takes_system=first.template is not None,
    )  # fmt: skip
