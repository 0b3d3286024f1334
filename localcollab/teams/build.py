"""A plan and its open members -> the model that answers, whatever the method.

A composition reads the layers of its models together, so it is built from weights.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from localcollab.catalog import Contrast, Mixture, Proxy
from localcollab.decoding.recent_rows import RecentRows
from localcollab.errors import BadOption
from localcollab.language_model import LanguageModel
from localcollab.llama.options import Options
from localcollab.methods.bridges import load_bridge
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import Gate, parse_gate, softmax_gate, weighted_gate
from localcollab.methods.heads import Head
from localcollab.methods.logits import contrasted, mixed, mixture_shares, proxy_tuned
from localcollab.methods.mixtures import load_mixture
from localcollab.methods.vocabulary_map import over_tokens_of_first
from localcollab.methods.word_team import WordTeam, are_strangers, deferring
from localcollab.teams.plan import Member, TeamPlan

if TYPE_CHECKING:
    from localcollab.llama.weights import Weights
    from localcollab.methods.calm import CalmModel


def team_model(
    plan: TeamPlan, members: Sequence[LanguageModel], sha256s: Sequence[str], head: Head | None
) -> LanguageModel:
    """The model of a plan whose members are open; a member alone is itself.

    Raises `VocabularyMismatch`, `HeadMismatch`, `MixtureMismatch`, `BadOption`.
    """
    match plan.method:
        case Proxy(alpha=alpha):
            base, expert, antiexpert = over_tokens_of_first(members)
            return proxy_tuned(plan.name, base, expert, antiexpert, alpha=alpha)
        case Contrast(beta=beta, cut=cut):
            expert, amateur = over_tokens_of_first(members)
            return contrasted(plan.name, expert, amateur, beta=beta, cut=cut)
        case Mixture(weights=weights, space=space):
            if plan.trained:
                fitted = load_mixture(plan.trained)
                fitted.require(sha256s, members[0].vocabulary.fingerprint)
                weights = fitted.weights
            if space == "probability" and are_strangers(members):
                return _mixture_of_words(plan.name, members, weights)
            members = over_tokens_of_first(members)
            return mixed(plan.name, members, weights, of_logs=space == "log")
    return _deferring(plan, members, sha256s, head) if len(members) > 1 else members[0]


def _deferring(
    plan: TeamPlan, members: Sequence[LanguageModel], sha256s: Sequence[str], head: Head | None
) -> DeferralTeam:
    base, *experts = members
    if head:
        head.require(sha256s[0], sha256s[1:], base.vocabulary.fingerprint, base.n_embd)
    gate, threshold = _decision(plan, head, len(experts))
    if not are_strangers(experts):
        experts = [RecentRows(expert) for expert in experts]
    return deferring(plan.name, base, experts, gate, threshold=threshold, compose=plan.compose)


def _mixture_of_words(
    name: str, members: Sequence[LanguageModel], weights: Sequence[float] | None
) -> WordTeam:
    base, *experts = members
    return WordTeam(
        name, base, experts, weighted_gate(mixture_shares(name, members, weights)), compose=True
    )


def _decision(plan: TeamPlan, head: Head | None, n_experts: int) -> tuple[Gate, float]:
    if head:
        threshold = head.metadata.threshold if plan.threshold is None else plan.threshold
        return softmax_gate(head.p_defer), threshold
    if plan.gate is None:
        raise BadOption(f"team {plan.name!r} has neither a head nor a gate: give `gate` or `head`")
    gate = parse_gate(plan.gate, n_experts, seed=plan.seed)
    return gate, 0.5 if plan.threshold is None else plan.threshold


def composed_model(
    plan: TeamPlan, weights: Mapping[str, "Weights"], sha256s: Sequence[str], options: Options
) -> "CalmModel":
    """The anchor across the plan's bridge; `weights` by member, the anchor's first.

    Raises `BridgeMismatch`, `VocabularyMismatch`, `BadOption`.
    """
    # Imported here: only compositions need hooks in llama.cpp's graph.
    from localcollab.methods.calm import CalmModel

    assert plan.trained is not None, "the catalogue requires a bridge"
    adapted = [m.name for m in plan.members if isinstance(m, Member) and m.adapter is not None]
    if adapted:
        raise BadOption(
            f"{plan.name}: {adapted[0]} has an adapter, which a composition does not apply: merge it "
            "into its weights"
        )
    (_, anchor), *augmenting = weights.items()
    bridge = load_bridge(plan.trained)
    widths = [found.n_embd for found in weights.values()]
    bridge.require(sha256s[0], sha256s[1:], anchor.vocabulary.fingerprint, widths)
    return CalmModel(plan.name, anchor, dict(augmenting), bridge, options)
