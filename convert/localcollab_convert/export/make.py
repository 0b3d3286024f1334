"""The export stage of a training: data -> examples -> shards, skipped where its manifest matches."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

from localcollab.errors import BadData
from localcollab.llama.options import Options
from localcollab.progress import Counted, OnProgress
from localcollab.sharding.by_ray import map_by_ray
from localcollab.sharding.work import OnPart, map_here
from localcollab.teams.identity import member_sha256, probe_member
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import TeamPlan
from localcollab_convert.export.examples import Encoder, Example, hold_out, parse_file
from localcollab_convert.export.likelihood import TokenTable
from localcollab_convert.export.request import ExportRequest, require_files
from localcollab_convert.export.shards import (
    MapShards,
    Scoring,
    Shard,
    export_shards,
    first_tokens,
    load_tables,
    plan_shards,
)
from localcollab_convert.export.task import ExportTask
from localcollab_convert.staging.stages import OnNote, Stage, file_sha256, package_versions

Split = Literal["train", "valid"]
VALID_SHARE = 0.1
"""Of the examples, held out where no validation file is given."""


class Exporter:
    """`on_progress` is transient, `on_note` stays on the screen."""

    def __init__(self, request: ExportRequest, on_progress: OnProgress, on_note: OnNote) -> None:
        """Raises `BadData`."""
        require_files(request.data, request.valid)
        self.request = request
        self._show, self._note = on_progress, on_note

    @property
    def member_names(self) -> list[str]:
        return [member.name for member in self.request.plan.members]

    @cached_property
    def sha256s(self) -> list[str]:
        """Of the members; a nested team has one over all its files."""
        probed = partial(probe_member, on_progress=self._show)
        return [member_sha256(member, probed) for member in self.request.plan.members]

    @cached_property
    def stage(self) -> Stage:
        request = self.request
        key = {
            "data": file_sha256(request.data),
            "data is text": request.data.suffix == ".txt",
            "validation data": request.valid and file_sha256(request.valid),
            "split": None if request.valid else {"share": VALID_SHARE, "seed": request.seed},
            "models": self.sha256s,
            "n_ctx": request.n_ctx,
            "versions": package_versions("localcollab", "llama-cpp-python", "numpy"),
        }
        return Stage("export", request.work / "export", key)

    @cached_property
    def team(self) -> OpenTeam:
        """The members, without a gate."""
        request = self.request
        # A resumed run uses the context size of the first, whatever memory is free now.
        n_ctx = self.stage.manifest.get("n_ctx") if request.n_ctx is None else request.n_ctx
        options = Options(n_ctx=n_ctx, n_threads=request.n_threads)
        return open_team(self._ungated, options, self._show)

    @property
    def _ungated(self) -> TeamPlan:
        return replace(self.request.plan, head=None, gate="never", threshold=None, compose=False)

    def examples(self) -> tuple[list[Example], list[Example]]:
        """(train, valid). Notes which were left out. Raises `BadData`."""
        team, request = self.team, self.request
        encoder = Encoder(team.base.vocabulary, team.template, team.model.n_ctx)
        return split_examples(encoder, request.data, request.valid, request.seed, self._note)

    def export(self) -> dict[str, Any]:
        """The record of the stage: `train` and `valid` (shards), n_tokens, vocabulary, files."""
        done = self.stage.resume(self._note)
        if done is not None:
            return done
        stage, base = self.stage, self.team.base
        stage.note(n_ctx=self.team.model.n_ctx)
        self._show("tokenizing the data")
        plans = [
            plan_shards(split, examples, base.n_embd)
            for split, examples in zip(("train", "valid"), self.examples(), strict=True)
        ]
        shards = [shard for plan in plans for shard in plan]

        def on_done(n: int, total: int) -> None:
            self._show(Counted("export", n, total, "answer tokens"))

        export_shards(stage.folder, shards, self._map(first_tokens(shards)), on_done)
        outputs = {
            "train": [shard.name for shard in plans[0]],
            "valid": [shard.name for shard in plans[1]],
            "n_tokens": sum(shard.n_tokens for shard in shards),
            "vocabulary": base.vocabulary.fingerprint,
        }
        self._note(f"export: {outputs['n_tokens']} answer tokens, {len(shards)} shards")
        return stage.finish(outputs, *(shard.name for shard in shards))

    def _map(self, starts: frozenset[int]) -> MapShards:
        """In this process, or on the cluster that was asked for."""
        address = self.request.ray
        if address is None:
            return partial(map_here, Scoring(list(self.team.members.values()), starts))
        n_ctx, n_threads = self.team.model.n_ctx, self.request.n_threads
        task = ExportTask(self._ungated, tuple(self.sha256s), n_ctx, n_threads, starts)

        def by_ray(shards: Sequence[Shard], on_part: OnPart) -> Iterator[tuple[int, bytes]]:
            return map_by_ray(task, shards, address, on_part, lambda shard: shard.n_tokens)

        return by_ray

    def table(self, split: Split) -> TokenTable:
        """Of a finished export."""
        return load_tables(self.stage.folder, self.stage.manifest["outputs"][split])


def split_examples(
    encoder: Encoder, data: Path, valid: Path | None, seed: int, on_note: OnNote
) -> tuple[list[Example], list[Example]]:
    """(train, valid) of the data files. Notes which examples are too long. Raises `BadData`."""
    sets = []
    for path in filter(None, (data, valid)):
        examples, left_out = encoder.encode(parse_file(path))
        if left_out:
            shown = "; ".join(left_out[:3]) + ("; ..." if len(left_out) > 3 else "")
            on_note(
                f"{len(left_out)} examples are longer than the context of {encoder.n_ctx} tokens and "
                f"are left out ({shown})"
            )
        if not examples:
            raise BadData(
                f"{path}: no example fits the context of {encoder.n_ctx} tokens: give a larger `n_ctx`"
            )
        sets.append(examples)
    if len(sets) == 2:
        return sets[0], sets[1]
    return hold_out(sets[0], VALID_SHARE, seed)
