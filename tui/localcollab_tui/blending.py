"""What the models' thread does with a blend: opens it, and answers with candidates, ranking, reply.

A blend has no logits of its own: what asks members token by token says no to it.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

from localcollab.blend.open import open_blend
from localcollab.blend.residence import Residence
from localcollab.blend.session import BlendSession, Recipe
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.errors import BadOption, ContextFull
from localcollab.events import Prompted
from localcollab.history.resume import turns_of
from localcollab.llama.options import Options
from localcollab.teams.open import Files, OnProgress, OpenTeam, TeamPlan, member_sha256
from localcollab.teams.session import require_room
from localcollab_tui import kept
from localcollab_tui.jobs import Ask, Began, Heard, TeamFacts, WontFit


@dataclass(frozen=True, slots=True)
class OpenBlend:
    """A blend that can be asked; its members are in memory as its residence has room for them."""

    session: BlendSession
    residence: Residence
    facts: TeamFacts

    def ask(
        self, job: Ask, sampling: Sampling, limits: Limits, stop_event: threading.Event
    ) -> Iterator[Began | Heard]:
        """Raises what asking and ranking raise."""
        question, session = job.question, self.session
        turns = turns_of(question.before, question.ids, "")[question.drop :]
        # Every member reads the conversation in its own vocabulary.
        session.turns = tuple(replace(turn, tokens=()) for turn in turns)
        session.system = question.system or None
        yield Began(job.ticket, Prompted(0), self.facts, opens_reasoning=False)
        for event in session.ask(question.text, sampling, limits, stop_event=stop_event):
            yield Heard(job.ticket, event)

    def too_long(self, job: Ask) -> WontFit | None:
        """By its first member, which is asked first; one with a smaller context may still say no."""
        team = self.residence.open(self.session.recipe.members[0])
        n_ctx = team.model.n_ctx
        try:
            require_room(team.model, job.question.text)
        except ContextFull as error:
            return WontFit(job.ticket, 0, n_ctx, None, str(error))
        n_prompt = kept.n_tokens_of_text(team, job.question)
        if kept.fits(n_prompt, team):
            return None
        return WontFit(job.ticket, n_prompt, n_ctx, kept.least_drop(team, job.question))

    def refusal(self) -> BadOption:
        return BadOption(
            f"{self.facts.name} is a blend, which picks among whole answers: nobody can be asked token "
            "by token here (/team opens one of its members)"
        )


def open_as_blend(plan: TeamPlan, options: Options, on_progress: OnProgress) -> OpenBlend:
    """Its first member is loaded: what that one says no to is said before the first question.

    Raises what opening a blend raises."""
    recipe, residence = open_blend(plan, options, on_progress)
    first = residence.open(recipe.members[0])
    files = Files(options, on_progress)
    sha256s = {member.name: member_sha256(member, files.verdict) for member in plan.members}
    facts = blend_facts(plan.name, recipe, first)
    facts = replace(facts, sha256s=tuple(sha256s.get(name, "") for name in facts.members))
    return OpenBlend(BlendSession(recipe, residence.open, residence.open_fuser), residence, facts)


def blend_facts(name: str, recipe: Recipe, first: OpenTeam) -> TeamFacts:
    """Of a blend of one member's samples, the authors are those inside it."""
    writers = [*recipe.members, *([recipe.fuser] if recipe.fuser else [])]
    members = tuple(dict.fromkeys(writers)) if len(writers) > 1 else tuple(first.members)
    return TeamFacts(
        name, members, first.model.n_ctx, gate=None, threshold=None,
        takes_system=first.template is not None,
    )  # fmt: skip
