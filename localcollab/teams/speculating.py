"""An open team -> what proposes tokens for it, with the cost curve that is remembered for its files.

A curve is measured once for every base, machine and way of loading, and stored with the probe's verdicts.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from localcollab.decoding.controller import Speculation
from localcollab.decoding.costs import CostCurve
from localcollab.decoding.speculation import Draft
from localcollab.errors import BadOption
from localcollab.language_model import LanguageModel, Reading, Wrapper
from localcollab.llama.machine import build_id, physical_cores
from localcollab.llama.options import Options
from localcollab.llama.probe import cache_dir, write_record
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.word_team import WordTeam
from localcollab.teams.plan import Member, TeamPlan


def speculation_of(
    plan: TeamPlan,
    model: LanguageModel,
    draft: Draft | None,
    options: Options,
    sha256: Callable[[Member | TeamPlan], str],
    *,
    keeps_state: bool,
    is_tiny: bool,
) -> Speculation | None:
    """None where it is switched off, and where a cache cannot be rewound (`keeps_state`); for tiny
    models, whose tokens cost little more than the bookkeeping, only where it is asked for."""
    is_asked = plan.settings.speculation or draft is not None
    if plan.settings.speculation is False or keeps_state or (is_tiny and not is_asked):
        return None
    measured, part = model, plan if plan.method else plan.members[0]
    while isinstance(measured, DeferralTeam):
        measured = measured.base
    curves = StoredCurve(_curve_file(sha256(part), options))
    return Speculation(measured, draft=draft, writer=writer_of, curves=curves)


def writer_of(model: LanguageModel, reading: Reading) -> LanguageModel | None:
    """The expert that a team's last position was left to, where it writes token by token."""
    while isinstance(model, Wrapper):
        model = model.inner
    # Who begins a word of another vocabulary also ends it: nothing is left to check.
    if not isinstance(model, DeferralTeam) or isinstance(model, WordTeam):
        return None
    return model.writer(reading)


@dataclass(frozen=True, slots=True)
class StoredCurve:
    """A curve in a file; one that is missing or damaged is measured again."""

    file: Path

    def load(self) -> CostCurve | None:
        try:
            record = json.loads(self.file.read_text())
            points = tuple((int(size), float(cost)) for size, cost in record["points"])
            return CostCurve(points, float(record["seconds"]))
        except (OSError, ValueError, TypeError, KeyError, OverflowError, BadOption):
            return None

    def save(self, curve: CostCurve) -> None:
        record = {"path": self.file.name, "points": curve.points, "seconds": curve.seconds}
        write_record(self.file, record)


def _curve_file(sha256: str, options: Options) -> Path:
    how = (
        "curve 1", sha256, build_id(), physical_cores(), options.n_threads, options.kv_type,
        options.flash_attention, options.loading(),
    )  # fmt: skip
    return cache_dir() / "curves" / (hashlib.sha256(repr(how).encode()).hexdigest()[:32] + ".json")
