"""What `rank` and `fuse` are asked for: a file of records, a ranker, and perhaps a fuser."""

from dataclasses import dataclass, field
from pathlib import Path

from localcollab.blend.ranking import Aggregation, check_aggregation
from localcollab.catalog.methods import TOP_K
from localcollab.catalog.ranker_names import RankerSpec, parse_ranker
from localcollab.decoding.answer_text import Limits
from localcollab.errors import BadOption
from localcollab.llama.options import Options


@dataclass(frozen=True, slots=True)
class RankRequest:
    """Raises `BadOption`."""

    file: Path
    ranker: str
    aggregation: Aggregation = "max_logits"
    seed: int = 0
    """Of the random ranker."""
    options: Options = field(default_factory=Options)
    budget: int | None = None
    """Bytes that the models may take together; None: what is free."""
    catalogs: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        check_aggregation(self.aggregation)
        parse_ranker(self.ranker)

    @property
    def spec(self) -> RankerSpec:
        return parse_ranker(self.ranker)


@dataclass(frozen=True, slots=True)
class FuseRequest:
    """How the best candidates of each record are fused. Raises `BadOption`."""

    ranks: RankRequest
    fuser: str
    top_k: int = TOP_K
    verify: bool = False
    """Keep the best candidate where the ranker finds the fused answer worse."""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.top_k < 2:
            raise BadOption(f"`top_k` is {self.top_k}: give 2 or more")
        if self.ranks.aggregation == "bubble":
            raise BadOption(
                "`aggregation` bubble finds only one best candidate, and a fuser needs several: use "
                "max_logits"
            )
