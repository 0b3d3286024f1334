"""What a models.toml may contain, as pydantic models; team tables by their method.

`fault` reports what types cannot express. Imported only for files that are not known to be sound.
"""

import os
from dataclasses import fields
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from localcollab.catalog.methods import Blend, Contrast, Method, Mixture, Proxy
from localcollab.catalog.ranker_names import parse_ranker
from localcollab.errors import BadOption


def _default(method: type[Method], key: str) -> Any:
    """A default is defined in the method's record."""
    return next(field.default for field in fields(method) if field.name == key)


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    def fault(self) -> str | None:
        """What is wrong and what to do; None if nothing."""
        return None


Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
Name = Annotated[str, Field(min_length=1, pattern=r"^[^\x00]*$")]
Count = Annotated[int, Field(gt=0, lt=2**53)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Number = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
CurvePoint = Annotated[
    list[Annotated[float, Field(ge=0, allow_inf_nan=False)]], Field(min_length=4, max_length=4)
]
Factor = Annotated[float, Field(ge=-1000, le=1000)]


class VerifiedTable(Table):
    against: Sha256
    date: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
    version: Name
    same_tokenizer: bool
    kl: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    same_top1: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    perplexity_change: Number | None = None
    n_tokens: Count | None = None


class SamplingTable(Table):
    """As `decoding.sampling.Sampling`, which checks again when it samples."""

    temperature: Annotated[float, Field(ge=0, le=100)] | None = None
    top_k: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    typical_p: Annotated[float, Field(gt=0, le=1)] | None = None
    repeat_penalty: Annotated[float, Field(ge=0.01, le=100)] | None = None
    repeat_last: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    dry_multiplier: Annotated[float, Field(ge=0, le=100)] | None = None
    dry_base: Annotated[float, Field(ge=1, le=100)] | None = None
    dry_allowed_length: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    xtc_probability: Annotated[float, Field(ge=0, le=1)] | None = None
    xtc_threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    presence_penalty: Annotated[float, Field(ge=-100, le=100)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-100, le=100)] | None = None


class SettingsTable(Table):
    """How a model or a team is asked: see `settings.Settings`."""

    sampling: SamplingTable | None = None
    n_ctx: Count | None = None
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    system: Text | None = None
    max_tokens: Count | None = None
    stop: list[Name] | None = None
    template: Name | None = None
    second_thoughts: bool | None = None
    speculation: bool | None = None
    prompt: Literal["base", "own"] | None = None


class EvidenceTable(Table):
    """What `tune` measured: see `evidence.Evidence`."""

    verdict: Literal["team", "member", "unknown"]
    member: Name
    n: Count
    team_accuracy: Share
    member_accuracy: Share
    p: Share
    all_wrong: Share
    n_more: Annotated[int, Field(ge=0, lt=2**53)] = 0
    data: Sha256
    date: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
    version: Name
    curve: list[CurvePoint] = []


class ModelTable(SettingsTable):
    path: Name | None = None
    about: Text = ""
    repository: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")] | None = None
    package: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")] | None = None
    file: Annotated[str, Field(pattern=r"^[^/\\\x00][^\\\x00]*$")] | None = None
    revision: Annotated[str, Field(pattern=r"^[\w./-]+$")] | None = None
    sha256: Sha256 | None = None
    size_bytes: Count | None = None
    parameters: Count | None = None
    kv_bytes_per_token: Count | None = None
    licence: Text | None = None
    checked: bool = False
    adapter: Name | None = None
    weights_of: Name | None = None
    isolated: bool = False
    worker: Name | None = None
    verified: VerifiedTable | None = None

    def fault(self) -> str | None:
        keys = ("path", "repository", "package", "adapter")
        ways = [k for k in keys if getattr(self, k) is not None]
        # An imported or pulled file has a path and keeps its repository.
        if not ways:
            return "lacks the key 'path': add it, or repository and file, or adapter and weights_of"
        if "adapter" in ways and len(ways) > 1:
            return f"has {' and '.join(ways)}: an adapter goes with weights_of only; remove one"
        if self.package is not None and len(ways) > 1:
            return f"has {' and '.join(ways)}: give one of them"
        source = self.repository or self.package
        if (source is None) != (self.file is None):
            lacking = "file" if self.file is None else "repository"
            return f"lacks the key {lacking!r}: repository and file belong together; add it"
        if (self.adapter is None) != (self.weights_of is None):
            lacking = "adapter" if self.adapter is None else "weights_of"
            return f"lacks the key {lacking!r}: adapter and weights_of belong together; add it"
        if self.file is not None and ".." in self.file.split("/"):
            return f"file is {self.file!r}: give a path inside the repository, without '..'"
        return None


class TrainedTable(Table):
    path: Name


class FamiliarTable(Table):
    opening: Text
    least_logprob: Number


class TeamTable(SettingsTable):
    """Keys of every team."""

    about: Text = ""
    draft: Name | None = None
    memory_gb: Count | None = None
    evidence: EvidenceTable | None = None


class DeferralTable(TeamTable):
    method: Literal["deferral"]
    base: Name
    experts: list[Name] = []
    head: Name | None = None
    gate: Name | None = None
    threshold: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    compose: bool = False
    familiar: dict[str, FamiliarTable] = {}

    def fault(self) -> str | None:
        if fault := _experts_fault(self.experts):
            return fault
        if (self.head is None) == (self.gate is None):
            return "needs either head or gate: give one of them"
        for expert in self.familiar:
            if expert not in self.experts:
                return f"familiar names {expert!r}, which is not one of its experts: correct or remove it"
        return None


class AloneTable(TeamTable):
    method: Literal["alone"]
    base: Name

    def fault(self) -> str | None:
        if self.draft is not None:
            return 'has a draft: method = "speculation" uses it'
        return None


class SpeculationTable(TeamTable):
    method: Literal["speculation"]
    base: Name

    def fault(self) -> str | None:
        if self.draft is None:
            return "lacks the key 'draft': name the small model that drafts"
        return None


class CalmTable(TeamTable):
    method: Literal["calm"]
    base: Name
    experts: list[Name]
    bridge: Name

    def fault(self) -> str | None:
        return _experts_fault(self.experts)


class ProxyTable(TeamTable):
    method: Literal["proxy"]
    base: Name
    expert: Name
    antiexpert: Name
    alpha: Factor = _default(Proxy, "alpha")

    def fault(self) -> str | None:
        return _namesakes({"expert": self.expert, "antiexpert": self.antiexpert}, taken="base")


class ContrastTable(TeamTable):
    method: Literal["contrast"]
    expert: Name
    amateur: Name
    beta: Factor = _default(Contrast, "beta")
    cut: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = _default(Contrast, "cut")

    def fault(self) -> str | None:
        return _namesakes({"expert": self.expert, "amateur": self.amateur})


class MixtureTable(TeamTable):
    method: Literal["mixture"]
    members: list[Name]
    weights: list[Annotated[float, Field(ge=0, allow_inf_nan=False)]] | None = None
    fitted: Name | None = None
    space: Literal["probability", "log"] = _default(Mixture, "space")

    def fault(self) -> str | None:
        if len(self.members) < 2:
            return "members is too short: name at least two models"
        twice = next((n for k, n in enumerate(self.members) if n in self.members[:k]), None)
        if twice is not None:
            return f"members has two members named {twice!r}: name it once, with more weight"
        if self.weights is not None and self.fitted is not None:
            return "has weights and fitted: give one of them"
        if self.weights is None:
            return None
        if len(self.weights) != len(self.members) or not sum(self.weights):
            return (
                f"weights has {len(self.weights)} numbers for {len(self.members)} members: give one of "
                "0 or more for each, not all 0"
            )
        return None


class BlendTable(TeamTable):
    method: Literal["blend"]
    members: list[Name]
    ranker: Name
    samples: Count = _default(Blend, "samples")
    temperature: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = _default(
        Blend, "temperature"
    )
    aggregation: Literal["max_logits", "max_wins", "bubble"] = _default(Blend, "aggregation")
    fuser: Name | None = None
    top_k: Annotated[int, Field(ge=2, lt=2**53)] = _default(Blend, "top_k")
    verify: bool = False

    def fault(self) -> str | None:
        if len(set(self.members)) < len(self.members):
            return "members has a name twice: name it once, with more samples"
        if len(self.members) * self.samples < 2:
            return "has one candidate: name two members, or give samples of 2 or more"
        if self.fuser and self.aggregation == "bubble":
            return "has a fuser, but bubble finds only one best answer: use max_logits or max_wins"
        if self.draft:
            return "has draft, which a blend does not use: remove it"
        try:
            ranker = parse_ranker(self.ranker)
        except BadOption as error:
            return f"ranker: {error}"
        if ranker.kind == "pairranker" and not os.path.isabs(ranker.arguments[0]):
            return f"ranker is {self.ranker!r}: give the absolute path of its folder"
        return None


AnyTeamTable = Annotated[
    AloneTable
    | DeferralTable
    | SpeculationTable
    | CalmTable
    | ProxyTable
    | ContrastTable
    | MixtureTable
    | BlendTable,
    Field(discriminator="method"),
]
TEAM_TABLES: dict[str, type[TeamTable]] = {
    "alone": AloneTable,
    "deferral": DeferralTable,
    "speculation": SpeculationTable,
    "calm": CalmTable,
    "proxy": ProxyTable,
    "contrast": ContrastTable,
    "mixture": MixtureTable,
    "blend": BlendTable,
}
"""By method."""


class CatalogTable(Table):
    default: Name | None = None
    workers: dict[str, Annotated[str, Field(pattern=r"^\S+:\d{1,5}$")]] = {}
    models: dict[str, ModelTable] = {}
    heads: dict[str, TrainedTable] = {}
    bridges: dict[str, TrainedTable] = {}
    mixtures: dict[str, TrainedTable] = {}
    teams: dict[str, AnyTeamTable] = {}


def _experts_fault(experts: list[Name]) -> str | None:
    if not experts:
        return "experts is empty: name at least one model"
    for n, expert in enumerate(experts):
        # Tokens are attributed by these names.
        if expert == "base" or expert in experts[:n]:
            return (
                f"experts has two members named {expert!r}: give the model another name under "
                "[models]"
            )
    return None


def _namesakes(named: dict[str, str], *, taken: str | None = None) -> str | None:
    """Tokens are attributed by these names; `taken` is the base's."""
    seen = {taken}
    for key, name in named.items():
        if name in seen:
            return (
                f"{key} is a second member named {name!r}: give the model another name under "
                "[models]"
            )
        seen.add(name)
    return None
