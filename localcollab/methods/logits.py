"""Arithmetic on logits: proxy-tuning and its family. Each is a `LanguageModel`.

- proxy-tuning (arXiv:2401.08565): base + alpha (expert - antiexpert), in logit space
- contrastive decoding (arXiv:2210.15097, as in arXiv:2309.09117): (1 + beta) expert - beta amateur,
  over the tokens with p_expert >= cut * max p_expert
- mixtures: weighted means of the members' distributions, of probabilities or of their logs

All members are read at every token, each with its own cache. Different vocabularies are mapped
beforehand (`vocabulary_map`).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from localcollab.errors import BadOption
from localcollab.language_model import (
    Float32Array,
    LanguageModel,
    OnChunk,
    Reading,
    log_softmax,
    log_sum_exp,
)
from localcollab.vocabulary import Vocabulary, require_same

Combine = Callable[[Mapping[str, Float32Array]], Float32Array]
"""Members' logits by role, each (last, n_vocab) -> the team's."""
Shares = Callable[[Mapping[str, Float32Array]], Float32Array]
"""Members' logits by role -> how much each favours each token: (n_members, last, n_vocab)."""


class LogitTeam:
    """Members by role, the main one first; `combine` computes the team's logits.

    Raises `VocabularyMismatch`, and `BadOption` if two members have the same name.
    """

    def __init__(
        self, name: str, members: Mapping[str, LanguageModel], combine: Combine, shares: Shares
    ) -> None:
        models = list(members.values())
        names = [model.name for model in models]
        if len(set(names)) < len(names):
            raise BadOption(f"team {name!r} has two members of the same name ({', '.join(names)})")
        for model in models[1:]:
            require_same(names[0], models[0].vocabulary, model.name, model.vocabulary)
        self.name, self.members = name, dict(members)
        self._combine, self._shares = combine, shares

    def over(self, reader: Callable[[LanguageModel], LanguageModel]) -> "LogitTeam":
        """The same arithmetic on other contexts of its members."""
        members = {role: reader(model) for role, model in self.members.items()}
        return LogitTeam(self.name, members, self._combine, self._shares)

    @property
    def _first(self) -> LanguageModel:
        return next(iter(self.members.values()))

    @property
    def vocabulary(self) -> Vocabulary:
        return self._first.vocabulary

    @property
    def n_embd(self) -> int:
        return self._first.n_embd

    @property
    def n_ctx(self) -> int:
        return min(model.n_ctx for model in self.members.values())

    def read(
        self,
        tokens: Sequence[int],
        *,
        last: int = 1,
        hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:
        """See `LanguageModel.read`. `hidden` is the first member's."""
        readings = {
            role: model.read(
                tokens, last=last, hidden=hidden and model is self._first, on_chunk=on_chunk
            )
            for role, model in self.members.items()
        }
        logits = self._combine({role: reading.logits for role, reading in readings.items()})
        by_name = {self.members[role].name: reading for role, reading in readings.items()}
        return Reading(logits, by_name[self._first.name].hidden, None, by_name)

    def attribute(self, reading: Reading, token: int) -> str:
        """The member that favoured `token` most over the other tokens."""
        rows = {
            role: reading.members[model.name].logits[-1:] for role, model in self.members.items()
        }
        k = int(self._shares(rows)[:, -1, token].argmax())
        member = list(self.members.values())[k]
        author = member.attribute(reading.members[member.name], token)
        return author if author == member.name else f"{member.name}/{author}"


def proxy_tuned(
    name: str,
    base: LanguageModel,
    expert: LanguageModel,
    antiexpert: LanguageModel,
    *,
    alpha: float = 1.0,
) -> LogitTeam:
    """base + alpha (expert - antiexpert). With alpha 0, or expert = antiexpert, it is the base.

    Raises `BadOption` for an alpha out of bounds.
    """
    _require_bounded("alpha", alpha)
    members = {"base": base, "expert": expert, "antiexpert": antiexpert}

    def combine(logits: Mapping[str, Float32Array]) -> Float32Array:
        return logits["base"] + _step(logits, alpha)

    def shares(logits: Mapping[str, Float32Array]) -> Float32Array:
        step = _step(logits, alpha)
        # log P_team - log P_base: the expert wrote what it made more probable, the base the rest.
        gained = step - (log_sum_exp(logits["base"] + step) - log_sum_exp(logits["base"]))
        return np.stack([np.zeros_like(gained), gained, np.full_like(gained, -np.inf)])

    return LogitTeam(name, members, combine, shares)


def _require_bounded(name: str, factor: float) -> None:
    # Beyond all use, and far below what would overflow float32.
    if not -1000 <= factor <= 1000:
        raise BadOption(f"{name} is {factor}: give a number from -1000 to 1000")


def _step(logits: Mapping[str, Float32Array], alpha: float) -> Float32Array:
    """alpha (expert - antiexpert); 0 if a member lacks the token, so that the base decides."""
    return np.float32(alpha) * _difference(logits["expert"], logits["antiexpert"])


def _difference(ours: Float32Array, theirs: Float32Array) -> Float32Array:
    """Of logits; 0 where one of the two lacks the token.

    Each model's logits have an origin of their own, which counts beside these zeros only."""
    known = np.isfinite(ours) & np.isfinite(theirs)
    if not known.all():
        ours, theirs = log_softmax(ours), log_softmax(theirs)
    return np.subtract(ours, theirs, where=known, out=np.zeros_like(ours))


def contrasted(
    name: str, expert: LanguageModel, amateur: LanguageModel, *, beta: float = 0.5, cut: float = 0.1
) -> LogitTeam:
    """(1 + beta) expert - beta amateur, for tokens with at least `cut` of the expert's maximum.

    Raises `BadOption` unless 0 < cut <= 1, and for a beta out of bounds.
    """
    _require_bounded("beta", beta)
    if not 0 < cut <= 1:
        raise BadOption(f"cut is {cut}: give more than 0 and at most 1")

    def combine(logits: Mapping[str, Float32Array]) -> Float32Array:
        ours, theirs = logits["expert"], logits["amateur"]
        plausible = ours >= ours.max(axis=-1, keepdims=True) + np.float32(np.log(cut))
        out = np.where(plausible, ours, np.float32(-np.inf))
        contrast: Float32Array = out + np.float32(beta) * _difference(ours, theirs)
        return contrast

    def shares(logits: Mapping[str, Float32Array]) -> Float32Array:
        ours = logits["expert"]
        return np.stack([np.zeros_like(ours), np.full_like(ours, -np.inf)])

    return LogitTeam(name, {"expert": expert, "amateur": amateur}, combine, shares)


def mixed(
    name: str,
    members: Sequence[LanguageModel],
    weights: Sequence[float] | None = None,
    *,
    of_logs: bool = False,
) -> LogitTeam:
    """log of sum_k w_k P_k, or with `of_logs` the normalised sum_k w_k log P_k (a product).

    `weights` are normalized to sum to 1; None: equal. Raises `BadOption` for a wrong number or negative
    ones; with `of_logs` a read raises it if no token is known to all members.
    """
    share = mixture_shares(name, members, weights)
    with np.errstate(divide="ignore"):  # weight 0: log 0 = -inf
        log_share: Float32Array = np.log(share)
    combine = partial(_product, name, share) if of_logs else partial(_sum, log_share)
    by_role = {model.name: model for model in members}
    if len(by_role) < len(members):
        raise BadOption(f"team {name!r} has two members of the same name: rename one")
    return LogitTeam(name, by_role, combine, partial(_weighted, log_share))


def mixture_shares(
    name: str, members: Sequence[LanguageModel], weights: Sequence[float] | None
) -> Float32Array:
    """(n_members,), summing to 1. Raises `BadOption`."""
    share = np.array([1.0] * len(members) if weights is None else weights, np.float64)
    if len(share) != len(members) or (share < 0).any() or not 0 < share.max(initial=0) < np.inf:
        raise BadOption(
            f"team {name!r}: weights {share.tolist()} for {len(members)} members: give one number of "
            "0 or more for each, not all 0"
        )
    share /= share.max()  # before the sum, which huge weights would overflow
    normalized: Float32Array = (share / share.sum()).astype(np.float32)
    return normalized


def _weighted(log_share: Float32Array, logits: Mapping[str, Float32Array]) -> Float32Array:
    """log w_k + log P_k: (n_members, last, n_vocab)."""
    weighted: Float32Array = np.stack([log_softmax(rows) for rows in logits.values()])
    weighted += log_share[:, None, None]
    return weighted


def _sum(log_share: Float32Array, logits: Mapping[str, Float32Array]) -> Float32Array:
    mixture: Float32Array = np.logaddexp.reduce(_weighted(log_share, logits))
    return mixture


def _product(name: str, share: Float32Array, logits: Mapping[str, Float32Array]) -> Float32Array:
    terms = [w * log_softmax(rows) for w, rows in zip(share, logits.values(), strict=True) if w]
    product: Float32Array = np.sum(terms, axis=0)
    if np.isneginf(product.max(axis=-1)).any():
        raise BadOption(
            f"team {name!r} mixes log-probabilities, but no token is known to all members here: "
            'mix probabilities (space = "probability")'
        )
    return log_softmax(product)
