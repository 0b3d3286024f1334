"""An export as a task that any process of a cluster can open: by the files of its members."""

from dataclasses import dataclass
from pathlib import Path

from localcollab.errors import BadModelFile
from localcollab.llama.machine import physical_cores
from localcollab.llama.options import Options
from localcollab.sharding.work import Work
from localcollab.teams.identity import member_sha256
from localcollab.teams.open import open_team
from localcollab.teams.plan import TeamPlan
from localcollab_convert.export.shards import Scoring, Shard

_BESIDE = 2 * 2**30
"""Bytes of an opened team besides its weights: caches, rows of logits, the program."""


@dataclass(frozen=True, slots=True)
class ExportTask:
    """Every machine has the files at the same paths; other files under these names are refused."""

    plan: TeamPlan
    sha256s: tuple[str, ...]
    """Of the members, as the process that asks has them."""
    n_ctx: int
    threads: int | None
    starts: frozenset[int]

    @property
    def n_threads(self) -> int:
        return self.threads or physical_cores()

    @property
    def memory_bytes(self) -> int:
        return _BESIDE + sum(_size(member.path) for member in self.plan.files)

    def open(self) -> Work[Shard, bytes]:
        """Raises `BadModelFile`, and what opening a team raises."""
        for member, expected in zip(self.plan.members, self.sha256s, strict=True):
            if member_sha256(member) != expected:
                raise BadModelFile(
                    f"{member.name} is another file on a worker than here: copy it to the same path there"
                )
        team = open_team(self.plan, Options(n_ctx=self.n_ctx, n_threads=self.threads))
        return Scoring(list(team.members.values()), self.starts)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
