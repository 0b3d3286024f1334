"""Whether a team is complete, consistent, and runs on this machine: one finding after the other."""

from collections.abc import Iterator
from dataclasses import dataclass

from localcollab.blend.events import BlendEvent
from localcollab.blend.open import open_blend
from localcollab.blend.session import BlendSession
from localcollab.catalog import Blend, Catalog, ModelEntry, TeamEntry
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.errors import LocalcollabError
from localcollab.events import Finished, Token
from localcollab.llama.options import Options
from localcollab.methods.vocabulary_map import RemappedVocabulary
from localcollab.models.fit import fit_team
from localcollab.models.fit_report import verdict
from localcollab.models.listing import install_command, stated_licence
from localcollab.progress import OnProgress
from localcollab.storage.parts import is_here
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import TeamPlan, plan_from_catalog
from localcollab.teams.session import Session
from localcollab.vocabularies.prompts import PromptedModel
from localcollab.vocabularies.translated import TranslatedModel

_QUESTION = "Hello! Who are you?"
_SMOKE_TOKENS = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """`ok` False: the team cannot be used as it is."""

    about: str
    ok: bool
    text: str


def check_team(
    catalog: Catalog, team: TeamEntry, options: Options, on_progress: OnProgress
) -> Iterator[Finding]:
    """The cheapest checks first; a team that does not fit is not opened."""
    entries = [e for name in catalog.models_of(team) for e in catalog.files_of(name)]
    trained = [ModelEntry(e.path.name, e.path) for e in catalog.trained_of(team)]
    missing = [part for part in (*entries, *trained) if not is_here(part.path)]
    yield Finding("files", not missing, _missing_text([*entries, *trained], missing, team))
    yield from (licence(entry) for entry in {e.path: e for e in entries}.values())
    try:
        fit = fit_team(catalog, team, options)
        yield Finding("memory", fit.fits, verdict(fit))
        if missing or not fit.fits:
            return
        on_progress("opening the team")
        plan = plan_from_catalog(catalog, team)
        if isinstance(plan.method, Blend):
            yield _smoke(_blend(plan, options, on_progress))
            return
        opened = open_team(plan, options, on_progress)
    except LocalcollabError as error:
        yield Finding("memory" if missing else "opening", False, str(error))
        return
    yield from _vocabularies(opened)
    if opened.head:
        yield Finding(
            "head", True, f"belongs to these files, threshold {opened.head.metadata.threshold:g}"
        )
    yield _smoke(Session(opened))


def _blend(plan: TeamPlan, options: Options, on_progress: OnProgress) -> BlendSession:
    recipe, residence = open_blend(plan, options, on_progress)
    return BlendSession(recipe, residence.open)


def _missing_text(entries: list[ModelEntry], missing: list[ModelEntry], team: TeamEntry) -> str:
    if not missing:
        return f"all {len({entry.path for entry in entries})} are present"
    names = ", ".join(entry.name for entry in missing)
    if command := install_command(team.name, missing):
        return f"{names}: not installed; {command}"
    return f"{names}: missing at {missing[0].path}; put the file there"


def licence(entry: ModelEntry) -> Finding:
    """From the catalogue, else from the file. A missing licence is reported, but is not a failure."""
    try:
        stated = stated_licence(entry)
    except LocalcollabError as error:
        return Finding(f"licence of {entry.name}", False, str(error))
    return Finding(f"licence of {entry.name}", True, stated or "not stated")


def _vocabularies(opened: OpenTeam) -> Iterator[Finding]:
    base = opened.base.vocabulary
    text = f"{base.n_tokens} tokens, fingerprint {base.fingerprint[:12]}"
    yield Finding("vocabulary of the base", True, text)
    for name, member in list(opened.members.items())[1:]:
        inner = member.vocabulary
        if isinstance(member, (RemappedVocabulary, TranslatedModel, PromptedModel)):
            inner = member.inner.vocabulary
        if inner.fingerprint == base.fingerprint:
            text = "the base's"
        elif isinstance(member, TranslatedModel):
            text = f"{inner.n_tokens} tokens of its own: it writes words, not tokens, of the base"
        else:
            text = f"{inner.n_tokens} tokens, mapped to the base's by their text"
        yield Finding(f"vocabulary of {name}", True, text)


def _smoke(session: Session | BlendSession) -> Finding:
    try:
        limits = Limits(max_tokens=_SMOKE_TOKENS)
        events: list[BlendEvent] = list(session.ask(_QUESTION, Sampling(0.0), limits))
    except LocalcollabError as error:
        return Finding("one answer", False, str(error))
    text = "".join(event.text for event in events if isinstance(event, Token))
    done = next((event for event in events if isinstance(event, Finished)), None)
    authors = ", ".join(f"{name} {n}" for name, n in done.authors.items()) if done else "nobody"
    return Finding("one answer", done is not None, f"{text.strip()!r} ({authors})")
