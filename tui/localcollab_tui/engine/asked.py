"""What a job asks of a team, and what the app is told of it."""

from collections.abc import Sequence
from dataclasses import replace

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.documents.answer.answer import Library
from localcollab.documents.collection import ATTACHED, attach, open_collection
from localcollab.methods.deferral import DeferralTeam
from localcollab.teams.defaults import (
    CHAT_MAX_TOKENS,
    chat_limits,
    chat_sampling,
    own_options,
)
from localcollab.teams.opened import OpenTeam
from localcollab_tui.messages import (
    Ask,
    Options,
    TeamFacts,
    UseDocs,
)


def library_of(job: UseDocs) -> Library | None:
    if job.files:
        return Library(attach(job.files), ATTACHED, strict=job.strict)
    if job.collection is None:
        return None
    return Library(open_collection(job.collection), job.collection, strict=job.strict)


def with_system(job: Ask, team: OpenTeam) -> Ask:
    """A question that was sent before the team was open has the system prompt of models.toml."""
    if job.question.system is not None:
        return job
    own = team.settings.system if team.template is not None else None
    return replace(job, question=replace(job.question, system=own or ""))


def set_threads(team: OpenTeam, options: Options) -> None:
    """Raises `BadOption`."""
    chosen = dict(options).get("threads")
    for context in team.contexts:
        context.set_threads(None if chosen is None else int(chosen))


def facts_of(team: OpenTeam) -> TeamFacts:
    model = team.model
    decides = model if isinstance(model, DeferralTeam) else None
    return TeamFacts(
        name=team.name,
        members=tuple(team.members),
        n_ctx=model.n_ctx,
        gate=decides.gate.name if decides else None,
        threshold=decides.threshold if decides else None,
        takes_system=team.template is not None,
        head_sha256=team.head.sha256 if team.head else None,
        sha256s=tuple(verdict.sha256 for verdict in team.verdicts.values()),
        vocabulary=model.vocabulary.fingerprint,
        system=team.settings.system or "",
        notes=team.notes,
    )


def sampling_of(options: Options, team: OpenTeam | None, *, docs: bool) -> tuple[Sampling, Limits]:
    """What /set changed, over the team's own settings and the defaults. Raises `BadOption`."""
    changed = dict(options)
    max_tokens, stop = changed.get("max_tokens"), changed.get("stop")
    limit, ends = int(max_tokens) if max_tokens else None, (str(stop),) if stop else ()
    if team is None:
        return Sampling(**own_options(changed)), Limits(limit or CHAT_MAX_TOKENS, ends)
    sampling = chat_sampling(team, changed, from_documents=docs)
    return sampling, chat_limits(team, limit, ends)


def opens_reasoning(team: OpenTeam, prompt: Sequence[int]) -> bool:
    tail = team.model.vocabulary.decode(list(prompt)[-8:])
    return tail.rstrip().endswith("<think>")
