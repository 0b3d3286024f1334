"""`convert ranker` in resumable stages: encoder, training, export.

The exported ranker is compared with the trained module before it gets its final name.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from localcollab.blend.mixinstruct import Record
from localcollab.blend.pair_ranker import ENCODER, FILE, PairRanker
from localcollab.blend.ranker_file import Form, RankerCard, RankerFile, save_ranker_file
from localcollab.errors import BadModelFile, BadOption
from localcollab.llama.encoder import load_encoder
from localcollab.llama.options import Options
from localcollab.llama.tokenizer import load_vocabulary
from localcollab.progress import Counted, OnProgress
from localcollab_convert.model.converter import convert_model, find_converter
from localcollab_convert.ranker.data import (
    Example,
    all_pairs,
    encode_records,
    load_records,
    measures_of,
    split_records,
)
from localcollab_convert.ranker.encoder import (
    SPLITS_AS,
    form_of,
    load_encoder_module,
    write_marked_encoder,
    write_new_encoder,
)
from localcollab_convert.ranker.model import PairRankerModule
from localcollab_convert.ranker.request import RankerRequest, RankerResult
from localcollab_convert.ranker.train import RankerTraining, logits_of
from localcollab_convert.staging.stages import OnNote, Stage, file_sha256, package_versions

PARITY = 1e-2
"""Maximum difference of a logit of the exported ranker, at F16."""
_N_PARITY_PAIRS = 200


def make_ranker(request: RankerRequest, on_progress: OnProgress, on_note: OnNote) -> RankerResult:
    """`on_progress` is transient, `on_note` stays. Raises `BadOption`, `BadData`, `BadModelFile`."""
    return RankerMaker(request, on_progress, on_note).make()


class RankerMaker:
    """The stages of one request."""

    def __init__(self, request: RankerRequest, on_progress: OnProgress, on_note: OnNote) -> None:
        """Raises `BadOption`, `BadData`: before any work starts."""
        self.request = request
        self._show, self._note = on_progress, on_note
        records = load_records(request.data)
        if request.valid is None:
            self._train, self._valid = split_records(records, request.recipe.seed)
        else:
            self._train, self._valid = records, load_records(request.valid)
        self.measures = measures_of([*self._train, *self._valid], request.data)
        self._converter = find_converter(request.converter)

    def make(self) -> RankerResult:
        """The stages that are not finished. Raises `BadModelFile`, `BadOption`."""
        self._prepare_encoder()
        self._train_ranker()
        return self._export()

    @cached_property
    def _encoder_stage(self) -> Stage:
        request = self.request
        key: dict[str, Any] = {
            "converter": self._converter.digest, "trusted tokenizer": request.trust_tokenizer,
            "seed": request.recipe.seed, "versions": _versions(),
        }  # fmt: skip
        if request.encoder is None:
            # The tokenizer is trained on the data.
            key |= {"size": asdict(request.size), "data": self._data_key(), "n_ctx": self._n_ctx}
        else:
            key["encoder"] = file_digests(request.encoder)
        return Stage("encoder", request.work / "encoder", key)

    @cached_property
    def _training_stage(self) -> Stage:
        request = self.request
        key = {
            "encoder": self._encoder_stage.digest(), "data": self._data_key(),
            "recipe": asdict(request.recipe), "lengths": [request.n_source, request.n_candidate],
            "versions": _versions(),
        }  # fmt: skip
        return Stage("training", request.work / "training", key)

    @cached_property
    def _export_stage(self) -> Stage:
        key = {
            "training": self._training_stage.digest(), "converter": self._converter.digest,
            "versions": _versions(),
        }  # fmt: skip
        return Stage("export", self.request.work / "export", key)

    @property
    def _n_ctx(self) -> int:
        return self.request.n_source + 2 * self.request.n_candidate + 8

    def _data_key(self) -> list[str]:
        return [file_sha256(path) for path in (self.request.data, self.request.valid) if path]

    def _prepare_encoder(self) -> None:
        stage, request = self._encoder_stage, self.request
        if stage.outputs() is not None:
            return
        stage.begin(self._note)
        folder = stage.folder / "model"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        if request.encoder is None:
            self._show("training a tokenizer")
            write_new_encoder(
                folder, _texts(self._train), request.size, self._n_ctx, request.recipe.seed
            )
        else:
            write_marked_encoder(request.encoder, folder)
        self._convert(folder, stage.folder / ENCODER)
        names = [f"model/{path.name}" for path in sorted(folder.iterdir())]
        stage.finish({}, ENCODER, *names)

    def _convert(self, folder: Path, out: Path) -> None:
        trusted = self.request.trust_tokenizer
        if self.request.encoder is None:
            trusted = SPLITS_AS
        partial = out.with_name(out.name + ".partial")
        convert_model(
            self._converter, folder, partial, file_type="f16", trust_tokenizer=trusted,
            on_progress=self._show,
        )  # fmt: skip
        os.replace(partial, out)

    @cached_property
    def _form(self) -> Form:
        vocabulary = load_vocabulary(self._encoder_stage.folder / ENCODER)
        return form_of(vocabulary, self.request.n_source, self.request.n_candidate)

    def _examples(self, records: list[Record]) -> list[Example]:
        vocabulary = load_vocabulary(self._encoder_stage.folder / ENCODER)
        return encode_records(records, self.measures, vocabulary.encode)

    def valid_examples(self) -> list[Example]:
        return self._examples(self._valid)

    def _module(self, folder: Path) -> PairRankerModule:
        import torch

        encoder = load_encoder_module(folder)
        n_positions = encoder.config.max_position_embeddings
        if self._form.n_tokens_most > n_positions:
            raise BadOption(
                f"a pair has up to {self._form.n_tokens_most} tokens, the encoder {n_positions} "
                "positions: give smaller `n_source` and `n_candidate`"
            )
        torch.manual_seed(self.request.recipe.seed)
        pad = encoder.config.pad_token_id or 0
        return PairRankerModule(encoder, encoder.config.hidden_size, len(self.measures), pad)

    def _train_ranker(self) -> None:
        stage = self._training_stage
        if stage.outputs() is not None:
            return
        stage.begin(self._note)
        source = self._encoder_stage.folder / "model"
        training = RankerTraining(
            self._module(source), self._examples(self._train), self.valid_examples(),
            self._form, self.request.recipe, stage.folder / "checkpoint.pt",
        )  # fmt: skip
        if not training.n_steps:
            raise BadOption(
                f"{self.request.data}: no two candidates differ in their scores: give other data"
            )
        training.run(
            lambda step, n, best: self._show(
                Counted("training", step, n, "steps", f"best {best:.3f}")
            )
        )
        self._save(training.module, stage.folder, source)
        outputs = {
            "accuracy": training.best_accuracy, "n_pairs": len(training.valid_pairs),
            "n_parameters": sum(p.numel() for p in training.module.parameters()),
        }  # fmt: skip
        stage.finish(outputs, "module.pt")

    def _save(self, module: PairRankerModule, folder: Path, source: Path) -> None:
        import torch

        torch.save(module.state_dict(), folder / "module.pt.partial")
        os.replace(folder / "module.pt.partial", folder / "module.pt")
        trained = folder / "model"
        shutil.rmtree(trained, ignore_errors=True)
        shutil.copytree(source, trained)
        module.encoder.save_pretrained(trained)  # type: ignore[operator]

    def trained(self) -> PairRankerModule:
        """The trained module; `make` has run."""
        import torch

        module = self._module(self._encoder_stage.folder / "model")
        path = self._training_stage.folder / "module.pt"
        module.load_state_dict(torch.load(path, weights_only=True))
        return module.eval()

    def _export(self) -> RankerResult:
        stage, trained = self._export_stage, self._training_stage.outputs()
        assert trained is not None, "the training stage is finished"
        done = stage.outputs()
        if done is None:
            stage.begin(self._note)
            parity = self._write(stage.folder, trained)
            out = self.request.out
            names = [os.path.relpath(out / name, stage.folder) for name in (ENCODER, FILE)]
            done = stage.finish({"parity": parity}, *names)
        else:
            self._note(f"{self.request.out}: up to date")
        return RankerResult(
            self.request.out, trained["n_parameters"], trained["accuracy"], trained["n_pairs"],
            done["parity"],
        )  # fmt: skip

    def _write(self, folder: Path, trained: Mapping[str, Any]) -> float:
        """The two files of the ranker; the second has the sha256 of the first. Returns the parity."""
        self._convert(self._training_stage.folder / "model", folder / ENCODER)
        module = self.trained()
        # Not memory-mapped: the file is renamed while its weights are in use.
        options = Options(n_ctx=self._form.n_tokens_most, n_threads=1, load_mode="read")
        encoder, verdict = load_encoder(folder / ENCODER, options)
        card = RankerCard(
            encoder_sha256=verdict.sha256, form=self._form, measures=self.measures,
            data_sha256=file_sha256(self.request.data), seed=self.request.recipe.seed,
            versions=_versions(),
        )  # fmt: skip
        bare = RankerFile(module.tensors(), card)
        parity, n_compared = self._parity(module, PairRanker(encoder, bare))
        metrics = {
            "accuracy": trained["accuracy"], "n_pairs": trained["n_pairs"], "parity": parity,
            "n_parity_pairs": n_compared,
        }  # fmt: skip
        save_ranker_file(RankerFile(bare.tensors, replace(card, metrics=metrics)), folder / FILE)
        self.request.out.mkdir(parents=True, exist_ok=True)
        for name in (ENCODER, FILE):
            os.replace(folder / name, self.request.out / name)
        return parity

    def _parity(self, module: PairRankerModule, ranker: PairRanker) -> tuple[float, int]:
        """Largest difference of a logit, on validation pairs. Raises `BadModelFile`."""
        self._show("comparing the exported ranker with the trained one")
        pairs = all_pairs(self.valid_examples())[:_N_PARITY_PAIRS]
        texts = [(p.example.source, p.example.candidates[p.first], p.example.candidates[p.second])
                 for p in pairs]  # fmt: skip
        theirs = logits_of(module, pairs, self._form)
        largest = float(np.abs(ranker.compare_tokens(texts) - theirs).max())
        if not largest <= PARITY:
            raise BadModelFile(
                f"{self.request.out}: the logits of the exported encoder differ from the trained one by "
                f"{largest:.3g}: llama.cpp reads this architecture differently, use another encoder"
            )
        return largest, len(pairs)


def file_digests(folder: Path) -> dict[str, str]:
    """sha256 of the files of a Hugging Face folder. Raises `BadOption`."""
    if not folder.is_dir():
        raise BadOption(f"`encoder` is {folder}, not a folder: give a Hugging Face folder")
    return {path.name: file_sha256(path) for path in sorted(folder.iterdir()) if path.is_file()}


def _texts(records: list[Record]) -> list[str]:
    return [text for r in records for text in (r.prompt, *(given.text for given in r.candidates))]


def _versions() -> dict[str, str]:
    return package_versions("localcollab", "llama-cpp-python", "torch")
