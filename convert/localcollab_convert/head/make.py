"""`convert head`: export, train, calibrate. Each stage is skipped where its manifest matches.

The key of a stage contains the digest of the stage before, so no stage uses outdated files.
"""

from dataclasses import asdict, replace
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from localcollab.errors import BadOption, HeadMismatch
from localcollab.methods.gates import softmax_gate
from localcollab.methods.heads import Head, HeadMetadata, save_head
from localcollab.methods.word_team import deferring
from localcollab.progress import Counted, OnProgress
from localcollab_convert.export.likelihood import TokenTable, best_single, measure_nll
from localcollab_convert.export.make import Exporter, Split
from localcollab_convert.head import calibrate as calibration
from localcollab_convert.head.calibrate import METRIC_NAMES, Calibration
from localcollab_convert.head.choosing import best_head
from localcollab_convert.head.curve import plot_curve
from localcollab_convert.head.request import (
    ExportedData,
    HeadRequest,
    HeadResult,
    Metric,
    Point,
    TrainedHead,
)
from localcollab_convert.head.right_spans import DRAWN, Judge, collect, fit_judge
from localcollab_convert.head.train import Recipe
from localcollab_convert.staging.outputs import claim
from localcollab_convert.staging.stages import (
    OnNote,
    Stage,
    file_sha256,
    package_versions,
    write_json,
)

_TENSORS = "head.safetensors"
_MOST_JUDGED = 800
"""Validation answers that the second output is made from."""


def make_head(
    request: HeadRequest, on_progress: OnProgress, on_note: OnNote
) -> ExportedData | TrainedHead | HeadResult:
    """All stages, or the one that is requested. `on_progress` is transient, `on_note` stays.

    Raises `BadOption`, `BadData`, `BadModelFile`, `HeadMismatch`.
    """
    maker = HeadMaker(request, on_progress, on_note)
    with claim(request.out, request.work):
        if request.stage in (None, "export"):
            exported = maker.exporter.export()
            if request.stage:
                return ExportedData(exported["n_tokens"], len(exported["files"]))
        if request.stage in (None, "train"):
            trained = maker.train()
            if request.stage:
                return trained
        return maker.calibrate()


class HeadMaker:
    """The stages of one request."""

    def __init__(self, request: HeadRequest, on_progress: OnProgress, on_note: OnNote) -> None:
        """Raises `BadData`."""
        self.request = request
        self.exporter = Exporter(request, on_progress, on_note)
        self._show, self._note = on_progress, on_note
        self._trained: TrainedHead | None = None

    def train(self) -> TrainedHead:
        """Stage 2, once. Raises `HeadMismatch` where the head is no better than the best member."""
        if self._trained is not None:
            return self._trained
        self._require(self.exporter.stage)
        done = self._train.resume(self._note) or self._train_head()
        trained = TrainedHead(done["nll"], done["n_train"], done["n_valid"])
        self._require_better(trained.nll)
        self._trained = trained
        return trained

    @property
    def _recipe(self) -> Recipe:
        request = self.request
        return Recipe(
            width=request.width, seed=request.seed, price=request.price, n_steps=request.n_steps
        )  # fmt: skip

    @cached_property
    def _train(self) -> Stage:
        key = {
            "export": self.exporter.stage.digest(),
            **asdict(self._recipe),
            "versions": package_versions("localcollab", "torch", "numpy"),
        }
        return Stage("train", self.request.work / "train", key)

    def _train_head(self) -> dict[str, Any]:
        stage = self._train
        table, valid = self.learned_table("train"), self.learned_table("valid")
        fit = best_head(
            table, valid, self._recipe,
            lambda name: stage.folder / f"checkpoint-{name}.pt", self._show_step,
        )  # fmt: skip
        nll = measure_nll(self.exporter.table("valid"), Head(fit.tensors, self._metadata({}, 0.5)))
        partial = stage.folder / (_TENSORS + ".partial")
        save_file({k: np.ascontiguousarray(v) for k, v in fit.tensors.items()}, partial)
        partial.replace(stage.folder / _TENSORS)
        self._note(f"train: {fit.n_steps} steps on {len(table)} tokens")
        outputs = {
            "nll": nll, "n_train": len(table), "n_valid": len(valid), "n_steps": fit.n_steps,
        }  # fmt: skip
        return stage.finish(outputs, _TENSORS)

    def learned_table(self, split: Split) -> TokenTable:
        """What the head is fitted to."""
        return self.exporter.table(split)

    def _show_step(self, step: int, nll: float) -> None:
        most, told = self._recipe.n_steps, f"validation NLL {nll:.4f}"
        self._show(Counted("train", step, most, "steps at most", told))

    def _require_better(self, nll: dict[str, float]) -> None:
        best = best_single(nll)
        if nll["head"] < nll[best] or self.request.force:
            return
        names = self.exporter.member_names
        name = names[0 if best == "base" else int(best.removeprefix("expert "))]
        raise HeadMismatch(
            f"the head is no better than {name} alone ({nll['head']:.4f} and {nll[best]:.4f} nats a "
            "validation token), so it is not written: give more data, or `force`"
        )

    def calibrate(self) -> HeadResult:
        """Stage 3, and the finished files."""
        trained = self.train()
        self._require(self._train)
        head = Head(load_file(self._train.folder / _TENSORS), self._metadata(trained.nll, 0.5))
        stage = self._calibrate
        done = stage.resume(self._note)
        if done is None:
            metric, points = self._measure(stage, head)
            done = {"metric": metric, "points": [asdict(point) for point in points]}
            stage.finish(done)
            self._note(f"calibrate: {len(points)} thresholds")
        points = [Point(**point) for point in done["points"]]
        judge = None
        if self.request.second_thoughts:
            judge = self._learn_to_judge(head, calibration.choose_best(points).threshold)
        return self._write(head, trained, done["metric"], points, judge)

    def _learn_to_judge(self, head: Head, threshold: float) -> Judge:
        """Stage 4. Raises `BadOption` for plain text, `BadData`."""
        stage = Stage("second-thoughts", self.request.work / "second-thoughts", {
            "calibrate": self._calibrate.digest(), "threshold": threshold,
        })  # fmt: skip
        done = stage.resume(self._note)
        if done is None:
            judge = self._judge(head, threshold)
            partial = stage.folder / (_TENSORS + ".partial")
            save_file({"weight": judge.weight, "bias": judge.bias}, partial)
            partial.replace(stage.folder / _TENSORS)
            done = {"least_right": judge.least_right, "metrics": judge.metrics}
            stage.finish(done, _TENSORS)
            self._note(f"second thoughts: {judge.metrics['spans']:.0f} spans to calibrate on")
        tensors = load_file(stage.folder / _TENSORS)
        return Judge(tensors["weight"], tensors["bias"], done["least_right"], done["metrics"])

    def _judge(self, head: Head, threshold: float) -> Judge:
        answers = [example for example in self.exporter.examples()[1] if example.gold is not None]
        if not answers:
            raise BadOption(
                "`second_thoughts` learns from right and wrong answers, and the data is plain text: "
                "give questions with answers"
            )
        answers = calibration.choose_examples(answers, _MOST_JUDGED, self.request.seed)
        base, *experts = self.exporter.team.members.values()
        team = deferring("judged", base, experts, softmax_gate(head.p_defer), threshold=threshold)
        halves, n_done = (answers[::2], answers[1::2]), 0
        n = len(halves[0]) * (1 + len(DRAWN)) + len(halves[1])

        def count() -> None:
            nonlocal n_done
            n_done += 1
            self._show(Counted("second thoughts", n_done, n, "answers"))

        train = collect(team, halves[0], DRAWN, count)
        return fit_judge(train, collect(team, halves[1], (), count))

    @cached_property
    def _calibrate(self) -> Stage:
        request = self.request
        key = {
            "export": self.exporter.stage.digest(),
            "train": self._train.digest(),
            "metric": request.metric,
            "calibrate_on": request.calibrate_on,
            "seed": request.seed,
            "version": version("localcollab"),
        }
        return Stage("calibrate", request.work / "calibrate", key)

    def _measure(self, stage: Stage, head: Head) -> tuple[Metric, list[Point]]:
        answers = [example for example in self.exporter.examples()[1] if example.gold is not None]
        metric = self.request.metric or ("exact" if answers else "logprob")
        if metric == "logprob":
            return metric, calibration.measure_text(head, self.exporter.table("valid"))
        if not answers:
            raise BadOption(
                f"`metric` is {metric}, which needs answers, and the data is plain text: give logprob"
            )
        chosen = calibration.choose_examples(answers, self.request.calibrate_on, self.request.seed)
        base, *experts = self.exporter.team.members.values()
        run = Calibration(base, experts, head, chosen, metric)
        return metric, calibration.measure_points(run, stage, self._show)

    def _write(
        self,
        head: Head,
        trained: TrainedHead,
        metric: Metric,
        points: list[Point],
        judge: Judge | None,
    ) -> HeadResult:
        """The curve first, the head last: a head file implies the others."""
        out, best = self.request.out, calibration.choose_best(points)
        names, metric_name = self.exporter.member_names, METRIC_NAMES[metric]
        write_json(
            out.with_suffix(".curve.json"),
            {
                "metric": metric_name,
                "threshold": best.threshold,
                "examples": self.request.calibrate_on if metric != "logprob" else None,
                "seed": self.request.seed,
                "members": names,
                "nll": trained.nll,
                "points": [asdict(point) for point in points],
            },
        )
        plot_curve(points, best, metric_name, self.request.plan.name, out.with_suffix(".curve.png"))
        metrics = {**trained.nll, metric: best.metric, "deferral rate": best.deferral_rate}
        tensors, metadata = dict(head.tensors), self._metadata(metrics, best.threshold)
        spans = {}
        if judge is not None:
            tensors |= {"right_weight": judge.weight, "right_bias": judge.bias}
            spans = {**judge.metrics, "least right": judge.least_right}
            metadata = replace(
                metadata, least_right=judge.least_right, metrics={**metrics, **judge.metrics}
            )
        save_head(Head(tensors, metadata), out)
        return HeadResult(out, file_sha256(out), trained, metric, points, best, names, spans)

    def _metadata(self, metrics: dict[str, float], threshold: float) -> HeadMetadata:
        exported = self.exporter.stage
        base, *experts = self.exporter.sha256s
        return HeadMetadata(
            base_sha256=base,
            expert_sha256s=tuple(experts),
            vocabulary=exported.manifest["outputs"]["vocabulary"],
            data_sha256=str(exported.key["data"]),
            threshold=threshold,
            seed=self.request.seed,
            metrics=metrics,
            versions=package_versions("localcollab", "llama-cpp-python", "torch", "numpy"),
        )

    def _require(self, stage: Stage) -> None:
        if stage.outputs() is None:
            raise BadOption(
                f"stage {stage.name} is not finished for these models and data in "
                f"{self.request.work}: run it first (`stage` {stage.name})"
            )
