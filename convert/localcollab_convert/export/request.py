"""The request of an export: which members read which data."""

from dataclasses import dataclass
from pathlib import Path

from localcollab.errors import BadData
from localcollab.teams.plan import TeamPlan
from localcollab_convert.staging.ranges import MAX_SEED, require_between


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    plan: TeamPlan
    """Members, base first; the gate and the head are ignored."""
    data: Path
    valid: Path | None = None
    """None: a share of `data` is held out."""
    work: Path
    """Folder of the stages."""
    seed: int = 0
    n_ctx: int | None = None
    n_threads: int | None = None
    ray: str | None = None
    """Where shards are exported: `auto`, `here` or HOST:PORT of a Ray cluster; None: in this process."""

    def __post_init__(self) -> None:
        """Raises `BadOption`."""
        require_between("seed", self.seed, 0, MAX_SEED)


def require_files(*paths: Path | None) -> None:
    """Raises `BadData` where a data file does not exist."""
    for path in filter(None, paths):
        if not path.is_file():
            raise BadData(f"{path}: no such file: give JSONL or .txt data")
