"""Names and files -> an open team. Probes each file, shares weights, checks the head.

Answers `run`, `chat`, `eval` and `convert head` alike: whoever needs models comes here.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from localcollab.catalog import Catalog, Familiarity, TeamEntry
from localcollab.deferral import DeferralTeam
from localcollab.errors import BadOption
from localcollab.familiarity import Speller
from localcollab.gates import Gate, check_threshold, parse_gate, softmax_gate
from localcollab.heads import Head, load_head
from localcollab.language_model import LanguageModel
from localcollab.llama.options import Options
from localcollab.llama.probe import Verdict, probe
from localcollab.mapped import in_vocabulary
from localcollab.speculation import Draft
from localcollab.template import ChatTemplate
from localcollab.vocabulary import Vocabulary

if TYPE_CHECKING:
    from localcollab.llama.context import LlamaModel
    from localcollab.llama.weights import Weights

OnProgress = Callable[[str], None]
BASE = "base"
"""The author name of every team's base."""
DRAFT = "draft"
_SPELLING_CTX = 128
"""Tokens of context in which an expert spells names."""


@dataclass(frozen=True, slots=True)
class Member:
    """A model file in its place in a team, perhaps with a LoRA adapter on its context."""

    name: str
    path: Path
    adapter: Path | None = None


@dataclass(frozen=True, slots=True)
class TeamPlan:
    """What to open: members by name, base first, and who decides. Nothing is loaded yet."""

    name: str
    members: tuple[Member, ...]
    head: Path | None = None
    gate: str | None = None
    threshold: float | None = None
    compose: bool = False
    seed: int = 0
    familiar: Mapping[str, Familiarity] = field(default_factory=dict)
    draft: Member | None = None
    """Proposes tokens for whoever writes; no author itself."""

    @property
    def files(self) -> tuple[Member, ...]:
        """Everything to load: the members, and the draft."""
        return (*self.members, *([self.draft] if self.draft else []))


@dataclass(frozen=True, slots=True)
class OpenTeam:
    name: str
    model: LanguageModel
    members: Mapping[str, LanguageModel]
    """Base first; in the base's vocabulary."""
    verdicts: Mapping[str, Verdict]
    template: ChatTemplate | None
    """The base's own; None: its file has none."""
    head: Head | None = None
    spellers: Mapping[str, Speller] = field(default_factory=dict)
    draft: Draft | None = None

    @property
    def base(self) -> LanguageModel:
        return self.members[BASE]


def plan_from_catalog(catalog: Catalog, entry: TeamEntry) -> TeamPlan:
    """Raises `BadCatalog` where an entry names what is not there."""
    experts = tuple(_member(catalog, name, name) for name in entry.experts)
    return TeamPlan(
        name=entry.name,
        members=(_member(catalog, BASE, entry.base), *experts),
        head=catalog.head(entry.head).path if entry.head else None,
        gate=entry.gate,
        threshold=entry.threshold,
        compose=entry.compose,
        familiar=entry.familiar,
        draft=_member(catalog, DRAFT, entry.draft) if entry.draft else None,
    )


def _member(catalog: Catalog, place: str, name: str) -> Member:
    entry = catalog.model(name)
    return Member(place, entry.path, entry.adapter)


def plan_from_files(base: Path, experts: Sequence[Path]) -> TeamPlan:
    """Any files at once; experts are named after their files. Decided by the entropy gate."""
    members = [Member(BASE, base)]
    for path in experts:
        taken = {member.name for member in members}
        names = (path.stem if n == 1 else f"{path.stem}-{n}" for n in itertools.count(1))
        members.append(Member(next(name for name in names if name not in taken), path))
    name = "+".join(path.stem for path in (base, *experts))
    return TeamPlan(name, tuple(members), gate="entropy" if experts else None)


def with_choices(
    plan: TeamPlan,
    *,
    gate: str | None = None,
    head: Path | None = None,
    threshold: float | None = None,
    compose: bool = False,
    seed: int = 0,
    draft: Path | None = None,
) -> TeamPlan:
    """The plan with a caller's own gate, head, threshold, draft. Raises `BadOption`."""
    if gate and head:
        raise BadOption(f"both a gate ({gate}) and a head ({head.name}) are given: choose one")
    alone = len(plan.members) == 1
    if alone and (gate or head or compose or threshold is not None):
        raise BadOption("gate, head, threshold and compose need an expert: add --expert FILE")
    if threshold is not None:
        plan = replace(plan, threshold=check_threshold(threshold))
    if gate or head:
        plan = replace(plan, gate=gate, head=head)
    if draft:
        plan = replace(plan, draft=Member(DRAFT, draft))
    return replace(plan, compose=plan.compose or compose, seed=seed)


def open_team(
    plan: TeamPlan, options: Options | None = None, on_progress: OnProgress | None = None
) -> OpenTeam:
    """Raises `BadModelFile`, `VocabularyMismatch`, `HeadMismatch`, `BadOption`."""
    options = options or Options()
    verdicts = {member.name: probe_member(member, on_progress) for member in plan.files}
    head = load_head(plan.head) if plan.head else None
    weights = _load_weights(plan, verdicts, options, on_progress)
    members = _open_members(plan, weights, options)
    base, *experts = members.values()
    template = _chat_template(weights[BASE], base.vocabulary)
    draft = _open_draft(plan, weights, base.vocabulary, options)
    if not experts:
        return OpenTeam(plan.name, base, members, verdicts, template, draft=draft)
    if head:
        sha256s = [verdicts[member.name].sha256 for member in plan.members]
        head.require(sha256s[0], sha256s[1:], base.vocabulary.fingerprint, base.n_embd)
    gate, threshold = _decision(plan, head, len(experts))
    model = DeferralTeam(plan.name, base, experts, gate, threshold=threshold, compose=plan.compose)
    spellers = _open_spellers(plan, weights, options)
    return OpenTeam(plan.name, model, members, verdicts, template, head, spellers, draft)


def probe_member(member: Member, on_progress: OnProgress | None = None) -> Verdict:
    """The verdict on its weights; the sha256 is of the adapted weights where it has an adapter."""
    verdict = probe(member.path, on_progress)
    if member.adapter is None:
        return verdict
    from localcollab.llama.adapter import adapted_sha256

    return replace(verdict, sha256=adapted_sha256(verdict.sha256, member.adapter))


def _load_weights(
    plan: TeamPlan,
    verdicts: Mapping[str, Verdict],
    options: Options,
    on_progress: OnProgress | None,
) -> dict[str, "Weights"]:
    """By member; members of one file share one copy."""
    # Imported here: reading a catalogue or planning a team needs no llama.cpp.
    from localcollab.llama.weights import load_weights

    loaded: dict[str, Weights] = {}
    for member in plan.files:
        verdict = verdicts[member.name]
        if on_progress:
            on_progress(f"loading {member.name} ({member.path.name})")
        if verdict.path not in loaded:
            loaded[verdict.path] = load_weights(
                Path(verdict.path), options, extra_buffers=verdict.extra_buffers
            )
    return {name: loaded[verdict.path] for name, verdict in verdicts.items()}


def _open_members(
    plan: TeamPlan, weights: Mapping[str, "Weights"], options: Options
) -> dict[str, LanguageModel]:
    base = _open_member(plan.members[0], weights[BASE], options)
    members: dict[str, LanguageModel] = {BASE: base}
    for member in plan.members[1:]:
        opened = _open_member(member, weights[member.name], options)
        owner = plan.members[0].path.name
        members[member.name] = in_vocabulary(opened, base.vocabulary, owner)
    return members


def _open_draft(
    plan: TeamPlan, weights: Mapping[str, "Weights"], vocabulary: Vocabulary, options: Options
) -> Draft | None:
    if plan.draft is None:
        return None
    opened = _open_member(plan.draft, weights[DRAFT], options)
    return Draft(in_vocabulary(opened, vocabulary, plan.members[0].path.name))


def _open_member(member: Member, weights: "Weights", options: Options) -> "LlamaModel":
    from localcollab.llama.context import LlamaModel

    model = LlamaModel(weights, options, name=member.name)
    if member.adapter:
        from localcollab.llama.adapter import set_adapter

        set_adapter(model, member.adapter)
    return model


def _chat_template(weights: "Weights", vocabulary: Vocabulary) -> ChatTemplate | None:
    if not weights.chat_template:
        return None
    bos, eos = (
        None if token is None else vocabulary.strings[token]
        for token in (vocabulary.bos, vocabulary.eos)
    )
    return ChatTemplate(weights.chat_template, name=weights.path.name, bos=bos, eos=eos)


def _open_spellers(
    plan: TeamPlan, weights: Mapping[str, "Weights"], options: Options
) -> dict[str, Speller]:
    small = replace(options, n_ctx=_SPELLING_CTX, n_batch=_SPELLING_CTX, n_ubatch=_SPELLING_CTX)
    return {
        member.name: Speller(
            _open_member(member, weights[member.name], small), plan.familiar[member.name]
        )
        for member in plan.members
        if member.name in plan.familiar
    }


def _decision(plan: TeamPlan, head: Head | None, n_experts: int) -> tuple[Gate, float]:
    if head:
        threshold = head.card.threshold if plan.threshold is None else plan.threshold
        return softmax_gate(head.p_defer), threshold
    if plan.gate is None:
        raise BadOption(f"team {plan.name!r} has neither a head nor a gate: give --gate or --head")
    gate = parse_gate(plan.gate, n_experts, seed=plan.seed)
    return gate, 0.5 if plan.threshold is None else plan.threshold
