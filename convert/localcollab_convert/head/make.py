"""`convert head`: the three stages in order, each skipped where its manifest still holds.

Every stage's key holds the digest of the one before, so nothing stale is ever built upon.
"""

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cached_property, partial
from importlib.metadata import version
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from localcollab.errors import BadData, BadOption, HeadMismatch
from localcollab.language_model import Float32Array
from localcollab.llama.options import Options
from localcollab.methods.heads import Head, HeadMetadata, save_head
from localcollab.teams.open import OpenTeam, member_sha256, open_team, probe_member
from localcollab_convert.export import export
from localcollab_convert.export.examples import Encoder, Example, hold_out, parse_file
from localcollab_convert.export.likelihood import TokenTable, best_single, measure_nll
from localcollab_convert.head import calibrate as calibration
from localcollab_convert.head import train
from localcollab_convert.head.calibrate import METRIC_NAMES, Calibration
from localcollab_convert.head.curve import plot_curve
from localcollab_convert.head.request import Made, Metric, Point, Request, Training
from localcollab_convert.head.train import Recipe
from localcollab_convert.staging.stages import Stage, file_sha256, write_json

VALID_SHARE = 0.1
"""Of the examples, held out where no validation file is given."""
_TENSORS = "head.safetensors"

OnProgress = Callable[[str], None]


class HeadMaker:
    """The stages of one request. `on_progress` is shown and forgotten, `on_note` stays."""

    def __init__(self, request: Request, on_progress: OnProgress, on_note: OnProgress) -> None:
        """Raises `BadOption`, `BadData`, `BadModelFile`."""
        if request.plan.method is not None or len(request.plan.members) < 2:
            raise BadOption(
                "a head needs a base with an expert to defer to: add --expert FILE, or choose a "
                "deferral team"
            )
        for path in filter(None, (request.data, request.valid)):
            if not path.is_file():
                raise BadData(f"{path}: no such file: give JSONL or .txt data")
        self.request = request
        self._show, self._note = on_progress, on_note
        self._trained: Training | None = None

    @property
    def member_names(self) -> list[str]:
        return [member.name for member in self.request.plan.members]

    @cached_property
    def sha256s(self) -> list[str]:
        """Of the members; a team among them has one of all that it consists of."""
        probed = partial(probe_member, on_progress=self._show)
        return [member_sha256(member, probed) for member in self.request.plan.members]

    @cached_property
    def _export(self) -> Stage:
        request = self.request
        key = {
            "data": file_sha256(request.data),
            "data is text": request.data.suffix == ".txt",
            "validation data": request.valid and file_sha256(request.valid),
            "split": None if request.valid else {"share": VALID_SHARE, "seed": request.seed},
            "models": self.sha256s,
            "n_ctx": request.n_ctx,
            "versions": {n: version(n) for n in ("localcollab", "llama-cpp-python", "numpy")},
        }
        return Stage("export", request.work / "export", key)

    @cached_property
    def _team(self) -> OpenTeam:
        """The members; what decides between them is still to be made."""
        request = self.request
        plan = replace(request.plan, head=None, gate="never", threshold=None, compose=False)
        # A resumed run shares the context of the first, whatever memory is free now.
        n_ctx = self._export.manifest.get("n_ctx") if request.n_ctx is None else request.n_ctx
        options = Options(n_ctx=n_ctx, n_threads=request.n_threads, n_outputs=export.N_OUTPUTS)
        return open_team(plan, options, self._show)

    def _examples(self) -> tuple[list[Example], list[Example]]:
        """(train, valid). Notes what was left out."""
        vocabulary, n_ctx = self._team.base.vocabulary, self._team.model.n_ctx
        encoder = Encoder(vocabulary, self._team.template, n_ctx)
        sets = []
        for path in filter(None, (self.request.data, self.request.valid)):
            examples, left_out = encoder.encode(parse_file(path))
            if left_out:
                shown = "; ".join(left_out[:3]) + ("; ..." if len(left_out) > 3 else "")
                self._note(
                    f"{len(left_out)} examples do not fit the context of {n_ctx} tokens and are "
                    f"left out ({shown})"
                )
            if not examples:
                raise BadData(
                    f"{path}: no example fits the context of {n_ctx}: give a larger n_ctx"
                )
            sets.append(examples)
        if len(sets) == 2:
            return sets[0], sets[1]
        return hold_out(sets[0], VALID_SHARE, self.request.seed)

    def export(self) -> dict[str, Any]:
        """Stage 1. Returns what it noted: shards, counts, the vocabulary."""
        done = self._export.resume(self._note)
        if done is not None:
            return done
        stage, base = self._export, self._team.base
        stage.note(n_ctx=self._team.model.n_ctx)
        self._show("cutting the data into tokens")
        plans = [
            export.plan_shards(split, examples, base.n_embd)
            for split, examples in zip(("train", "valid"), self._examples(), strict=True)
        ]
        shards = [shard for plan in plans for shard in plan]
        members = list(self._team.members.values())

        def on_done(n: int, total: int) -> None:
            self._show(f"export: {n} of {total} answer tokens")

        export.export_shards(stage.folder, shards, members, on_done)
        outputs = {
            "train": [shard.name for shard in plans[0]],
            "valid": [shard.name for shard in plans[1]],
            "n_tokens": sum(shard.n_tokens for shard in shards),
            "vocabulary": base.vocabulary.fingerprint,
        }
        self._note(f"export: {outputs['n_tokens']} answer tokens, {len(shards)} shards")
        return stage.finish(outputs, *(shard.name for shard in shards))

    def train(self) -> Training:
        """Stage 2, once. Raises `HeadMismatch` where the head is no better than the best member."""
        if self._trained is not None:
            return self._trained
        exported = self._require(self._export)
        stage = self._train
        done = stage.resume(self._note)
        if done is None:
            tables = [
                export.load_tables(self._export.folder, exported[split])
                for split in ("train", "valid")
            ]
            done = self._train_head(stage, tables[0], tables[1])
        training = Training(done["nll"], done["n_train"], done["n_valid"])
        self._require_better(training.nll)
        self._trained = training
        return training

    @property
    def _recipe(self) -> Recipe:
        request = self.request
        return Recipe(width=request.width, seed=request.seed, price=request.price)

    @cached_property
    def _train(self) -> Stage:
        versions = {n: version(n) for n in ("localcollab", "torch", "numpy")}
        key = {"export": self._export.digest(), **asdict(self._recipe), "versions": versions}
        return Stage("train", self.request.work / "train", key)

    def _train_head(self, stage: Stage, table: TokenTable, valid: TokenTable) -> dict[str, Any]:
        tensors, nll, n_steps = self._fit(stage, table, valid)
        partial = stage.folder / (_TENSORS + ".partial")
        save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, partial)
        partial.replace(stage.folder / _TENSORS)
        self._note(f"train: {n_steps} steps on {len(table)} tokens")
        outputs = {"nll": nll, "n_train": len(table), "n_valid": len(valid), "n_steps": n_steps}
        return stage.finish(outputs, _TENSORS)

    def _fit(
        self, stage: Stage, table: TokenTable, valid: TokenTable
    ) -> tuple[dict[str, Float32Array], dict[str, float], int]:
        """(tensors, validation NLLs, steps) of the better of at most two weight decays."""
        recipe = self._recipe
        fits = []
        for decay in (recipe.weight_decay, recipe.strong_decay):
            checkpoint = stage.folder / f"checkpoint-{decay:g}.pt"
            run = train.Training(table, valid, replace(recipe, weight_decay=decay), checkpoint)
            tensors = run.run(
                lambda step, nll: self._show(f"train: step {step}, validation NLL {nll:.4f}")
            )
            nll = measure_nll(valid, Head(tensors, self._metadata({}, 0.5)))
            fits.append((tensors, nll, run.step))
            if nll["head"] < nll["mixture"]:
                break
        return min(fits, key=lambda fit: fit[1]["head"])

    def _require_better(self, nll: dict[str, float]) -> None:
        best = best_single(nll)
        if nll["head"] < nll[best] or self.request.force:
            return
        name = self.member_names[0 if best == "base" else int(best.removeprefix("expert "))]
        raise HeadMismatch(
            f"the head is no better than {name} alone ({nll['head']:.4f} and {nll[best]:.4f} nats a "
            "validation token), so it is not written: give more data, or --force"
        )

    def calibrate(self) -> Made:
        """Stage 3, and the finished files."""
        training = self.train()
        self._require(self._train)
        head = Head(load_file(self._train.folder / _TENSORS), self._metadata(training.nll, 0.5))
        stage = self._calibrate
        done = stage.resume(self._note)
        if done is None:
            metric, points = self._measure(stage, head)
            done = {"metric": metric, "points": [asdict(point) for point in points]}
            stage.finish(done)
            self._note(f"calibrate: {len(points)} thresholds")
        points = [Point(**point) for point in done["points"]]
        return self._write(head, training, done["metric"], points)

    @cached_property
    def _calibrate(self) -> Stage:
        request = self.request
        key = {
            "export": self._export.digest(),
            "train": self._train.digest(),
            "metric": request.metric,
            "calibrate_on": request.calibrate_on,
            "seed": request.seed,
            "version": version("localcollab"),
        }
        return Stage("calibrate", request.work / "calibrate", key)

    def _measure(self, stage: Stage, head: Head) -> tuple[Metric, list[Point]]:
        asked = [example for example in self._examples()[1] if example.gold is not None]
        metric = self.request.metric or ("exact" if asked else "logprob")
        if metric == "logprob":
            names = self._export.manifest["outputs"]["valid"]
            table = export.load_tables(self._export.folder, names)
            return metric, calibration.measure_text(head, table)
        if not asked:
            raise BadOption(
                f"metric {metric} needs answers, and the data is plain text: --metric logprob"
            )
        chosen = calibration.choose_examples(asked, self.request.calibrate_on, self.request.seed)
        base, *experts = self._team.members.values()
        run = Calibration(base, experts, head, chosen, metric)
        return metric, calibration.measure_points(run, stage, self._show)

    def _write(self, head: Head, training: Training, metric: Metric, points: list[Point]) -> Made:
        """The curve first, the head last: where there is a head, everything is there."""
        out, best = self.request.out, calibration.choose_best(points)
        name = METRIC_NAMES[metric]
        write_json(
            out.with_suffix(".curve.json"),
            {
                "metric": name,
                "threshold": best.threshold,
                "examples": self.request.calibrate_on if metric != "logprob" else None,
                "seed": self.request.seed,
                "members": self.member_names,
                "nll": training.nll,
                "points": [asdict(point) for point in points],
            },
        )
        plot_curve(points, best, name, self.request.plan.name, out.with_suffix(".curve.png"))
        metrics = {**training.nll, metric: best.metric, "deferral rate": best.deferral_rate}
        save_head(Head(head.tensors, self._metadata(metrics, best.threshold)), out)
        return Made(out, file_sha256(out), training, metric, points, best)

    def _metadata(self, metrics: dict[str, float], threshold: float) -> HeadMetadata:
        exported = self._export.manifest["outputs"]
        base, *experts = self.sha256s
        names = ("localcollab", "llama-cpp-python", "torch", "numpy")
        return HeadMetadata(
            base_sha256=base,
            expert_sha256s=tuple(experts),
            vocabulary=exported["vocabulary"],
            data_sha256=str(self._export.key["data"]),
            threshold=threshold,
            seed=self.request.seed,
            metrics=metrics,
            versions={name: version(name) for name in names},
        )

    def _require(self, stage: Stage) -> dict[str, Any]:
        outputs = stage.outputs()
        if outputs is None:
            raise BadOption(
                f"stage {stage.name} is not finished for these models and data in "
                f"{self.request.work}: run it first (--stage {stage.name})"
            )
        return outputs
