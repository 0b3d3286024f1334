"""`convert calm`: a bridge trained in PyTorch, then measured by the runtime on the GGUF files.

Two stages, each skipped where its manifest matches. The bridge file is written last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file

from localcollab.errors import BridgeMismatch
from localcollab.llama.context import LlamaModel
from localcollab.llama.machine import physical_cores
from localcollab.llama.options import Options
from localcollab.llama.probe import Verdict
from localcollab.methods.bridges import (
    Bridge,
    BridgeMetadata,
    LayerPair,
    load_bridge,
    save_bridge,
    spread_slopes,
)
from localcollab.methods.calm import CalmModel
from localcollab.progress import Counted, OnProgress
from localcollab.teams.identity import probe_member
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import BASE, TeamPlan
from localcollab.vocabulary import require_same
from localcollab_convert.calm.answers import answer_all, summarize
from localcollab_convert.calm.composition import Composition, PairModule
from localcollab_convert.calm.curve import plot_losses
from localcollab_convert.calm.models import load_frozen, require_same_logits
from localcollab_convert.calm.request import (
    Accuracy,
    BridgeRequest,
    BridgeResult,
    Evaluated,
    TrainedBridge,
)
from localcollab_convert.calm.train import BridgeTraining
from localcollab_convert.export.examples import Encoder, Example
from localcollab_convert.export.make import split_examples
from localcollab_convert.export.request import require_files
from localcollab_convert.head.calibrate import choose_examples
from localcollab_convert.staging.outputs import claim
from localcollab_convert.staging.stages import (
    OnNote,
    Stage,
    file_sha256,
    package_versions,
    write_json,
)

if TYPE_CHECKING:
    from localcollab.llama.weights import Weights

_PAIRS = "pairs.safetensors"


def make_bridge(request: BridgeRequest, on_progress: OnProgress, on_note: OnNote) -> BridgeResult:
    """`on_progress` is transient, `on_note` stays.

    Raises `BadOption`, `BadData`, `BadModelFile`, `BridgeMismatch`, `VocabularyMismatch`.
    """
    maker = BridgeMaker(request, on_progress, on_note)
    with claim(request.out, request.work):
        return maker.make()


class BridgeMaker:
    """The stages of one request."""

    def __init__(self, request: BridgeRequest, on_progress: OnProgress, on_note: OnNote) -> None:
        """Raises `BadData`."""
        require_files(request.data, request.valid)
        self.request = request
        self._show, self._note = on_progress, on_note

    def make(self) -> BridgeResult:
        """All stages, and the finished files. Raises `BridgeMismatch` where the bridge gains nothing."""
        trained = self.train()
        self._require_better(trained)
        accuracy = self.measure()
        return self._write(trained, accuracy)

    @cached_property
    def _verdicts(self) -> list[Verdict]:
        request = self.request
        return [probe_member(m, self._show) for m in (request.anchor, *request.augmenting)]

    @cached_property
    def _anchor(self) -> OpenTeam:
        """The anchor as a team of one, with its chat template."""
        anchor = self.request.anchor
        plan = TeamPlan(anchor.name, (replace(anchor, name=BASE),))
        return open_team(plan, self._options, self._show)

    @property
    def _options(self) -> Options:
        return Options(n_ctx=self.request.n_ctx, n_threads=self.request.n_threads)

    @cached_property
    def _weights(self) -> dict[str, "Weights"]:
        """Of the augmenting models, by name."""
        from localcollab.llama.weights import load_weights

        loaded = {}
        for member, verdict in zip(self.request.augmenting, self._verdicts[1:], strict=True):
            self._show(f"loading {member.name}")
            loaded[member.name] = load_weights(
                Path(verdict.path), self._options, extra_buffers=verdict.extra_buffers
            )
            require_same(
                "anchor", self._runtime.vocabulary, member.name, loaded[member.name].vocabulary
            )
        return loaded

    @property
    def _runtime(self) -> LlamaModel:
        model = self._anchor.model
        assert isinstance(model, LlamaModel)
        return model

    @cached_property
    def pairs(self) -> tuple[LayerPair, ...]:
        depths = [weights.n_layer for weights in self._weights.values()]
        return self.request.pairs(self._runtime.weights.n_layer, depths)

    @cached_property
    def _examples(self) -> tuple[list[Example], list[Example]]:
        """(train, valid). Notes which were left out."""
        n_ctx = min(self._runtime.n_ctx, *(w.n_ctx_train for w in self._weights.values()))
        encoder = Encoder(self._runtime.vocabulary, self._anchor.template, n_ctx)
        request = self.request
        return split_examples(encoder, request.data, request.valid, request.recipe.seed, self._note)

    @cached_property
    def _train(self) -> Stage:
        request = self.request
        key = {
            "data": file_sha256(request.data),
            "data is text": request.data.suffix == ".txt",
            "validation data": request.valid and file_sha256(request.valid),
            "models": [verdict.sha256 for verdict in self._verdicts],
            "pairs": self.pairs,
            "n_ctx": request.n_ctx,
            **asdict(request.recipe),
            "versions": package_versions("localcollab", "torch", "transformers"),
        }
        return Stage("train", request.work / "train", key)

    def train(self) -> TrainedBridge:
        """Stage 1."""
        stage = self._train
        done = stage.resume(self._note)
        if done is None:
            done = self._fit(stage)
        curve = tuple(Evaluated(**point) for point in done["curve"])
        return TrainedBridge(curve, done["n_train"], done["n_valid"], done["n_parameters"])

    def _fit(self, stage: Stage) -> dict[str, Any]:
        train, valid = self._examples
        recipe = self.request.recipe
        valid = choose_examples(valid, recipe.n_valid, recipe.seed)
        composition = self._compose(valid[0].tokens)
        run = BridgeTraining(composition, train, valid, recipe, stage.folder / "checkpoint.pt")
        n_threads = torch.get_num_threads()
        torch.set_num_threads(self.request.n_threads or physical_cores())
        try:
            run.run(
                lambda step, loss, best: self._show(
                    Counted(
                        "train",
                        step,
                        recipe.n_steps,
                        "steps at most",
                        f"loss {loss:.4f}, best validation loss {best:.4f}",
                    )
                )
            )
        finally:
            torch.set_num_threads(n_threads)
        partial = stage.folder / (_PAIRS + ".partial")
        save_file(composition.pairs.state_dict(), partial)
        partial.replace(stage.folder / _PAIRS)
        self._note(f"train: {run.step} steps on {len(train)} examples")
        outputs = {
            "curve": [asdict(point) for point in run.curve],
            "n_train": len(train),
            "n_valid": len(valid),
            "n_parameters": sum(p.numel() for p in composition.pairs.parameters()),
        }
        return stage.finish(outputs, _PAIRS)

    def _compose(self, tokens: Sequence[int]) -> Composition:
        """The models in PyTorch with an untrained bridge. `tokens`: for the check against llama.cpp."""
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        models = []
        runtimes = {BASE: self._runtime.weights, **self._weights}
        for (name, weights), verdict in zip(runtimes.items(), self._verdicts, strict=True):
            self._show(f"loading {name} in PyTorch")
            model = load_frozen(Path(verdict.path), weights.n_parameters, device)
            require_same_logits(weights.path, model, self._alone(weights), tokens)
            models.append(model)
        torch.manual_seed(self.request.recipe.seed)
        recipe = self.request.recipe
        composition = Composition(
            models[0], models[1:], self.pairs, recipe.n_inner, recipe.n_heads,
            spread_slopes(recipe.n_heads),
        )  # fmt: skip
        return composition.to(device)

    def _alone(self, weights: "Weights") -> LlamaModel:
        return LlamaModel(weights, Options(n_ctx=1024, n_outputs=64), name=weights.path.stem)

    def _require_better(self, trained: TrainedBridge) -> None:
        if trained.best.valid_loss < trained.anchor_loss or self.request.force:
            return
        raise BridgeMismatch(
            f"the bridge is no better than the anchor alone ({trained.best.valid_loss:.4f} and "
            f"{trained.anchor_loss:.4f} nats a validation token), so it is not written: give more "
            "data, or `force`"
        )

    def measure(self) -> Accuracy | None:
        """Stage 2: answers before and after, by the runtime."""
        answers = [example for example in self._examples[1] if example.gold is not None]
        chosen = choose_examples(answers, self.request.measure_on, self.request.recipe.seed)
        if not chosen:
            return None
        key = {"train": self._train.digest(), "measure_on": self.request.measure_on,
               "half": self.request.half, "version": version("localcollab")}  # fmt: skip
        stage = Stage("measure", self.request.work / "measure", key)
        done = stage.resume(self._note)
        if done is None:
            # Measured as it will be written, e.g. in float16.
            save_bridge(self._bridge({}), stage.folder / _PAIRS, half=self.request.half)
            composed = CalmModel(
                "composed", self._runtime.weights, self._weights,
                load_bridge(stage.folder / _PAIRS), self._options,
            )  # fmt: skip
            done = stage.finish(
                {
                    "anchor": answer_all("anchor alone", self._runtime, chosen, self._show),
                    "composed": answer_all("with the bridge", composed, chosen, self._show),
                }
            )
        return summarize(chosen, done["anchor"], done["composed"])

    def _bridge(self, metrics: Mapping[str, float]) -> Bridge:
        recipe = self.request.recipe
        state = load_file(self._train.folder / _PAIRS)
        modules = []
        widths = [self._runtime.n_embd, *(w.n_embd for w in self._weights.values())]
        for n, layers in enumerate(self.pairs):
            module = PairModule(widths[0], widths[1 + layers.model], recipe.n_inner, recipe.n_heads)
            prefix = f"{n}."
            own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            module.load_state_dict(own)
            modules.append(module.to_pair())
        metadata = BridgeMetadata(
            anchor_sha256=self._verdicts[0].sha256,
            augmenting_sha256s=tuple(verdict.sha256 for verdict in self._verdicts[1:]),
            vocabulary=self._runtime.vocabulary.fingerprint,
            pairs=self.pairs,
            n_heads=recipe.n_heads,
            slopes=spread_slopes(recipe.n_heads),
            data_sha256=str(self._train.key["data"]),
            seed=recipe.seed,
            metrics=metrics,
            versions=package_versions(
                "localcollab", "llama-cpp-python", "torch", "transformers", "numpy"
            ),
        )
        return Bridge(tuple(modules), metadata)

    def _write(self, trained: TrainedBridge, accuracy: Accuracy | None) -> BridgeResult:
        """The curve first, the bridge last: a bridge file implies the others."""
        out, request = self.request.out, self.request
        names = [request.anchor.name, *(member.name for member in request.augmenting)]
        metrics = {"anchor": trained.anchor_loss, "bridge": trained.best.valid_loss}
        if accuracy:
            metrics |= {"exact anchor": accuracy.anchor, "exact bridge": accuracy.composed}
        record = {
            "members": names, "pairs": self.pairs, "recipe": asdict(request.recipe),
            "trained": asdict(trained), "accuracy": accuracy and asdict(accuracy),
        }  # fmt: skip
        write_json(out.with_suffix(".curve.json"), record)
        plot_losses(trained, " + ".join(names), out.with_suffix(".curve.png"))
        save_bridge(self._bridge(metrics), out, half=request.half)
        return BridgeResult(out, file_sha256(out), self.pairs, trained, accuracy)
