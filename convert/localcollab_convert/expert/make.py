"""`convert expert`: documents -> an expert for a base -> a head -> a team of the catalogue.

Three resumable stages in one folder: training of the expert, questions generated from the documents, and
the head. The head is trained on these questions or, with `like`, it is the head of another team on the
same base, in which the new expert replaces an old one: where the base needs help does not depend on the
expert.
"""

import math
import random
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from localcollab.catalog import Familiarity
from localcollab.errors import BadOption, HeadMismatch
from localcollab.llama.probe import probe
from localcollab.llama.tokenizer import load_vocabulary
from localcollab.methods.heads import Head, load_head, save_head
from localcollab.progress import Counted, OnProgress
from localcollab.teams.plan import Member, TeamPlan
from localcollab_convert.expert.entry import enter_expert
from localcollab_convert.expert.familiarity import familiarity
from localcollab_convert.expert.file import write_expert
from localcollab_convert.expert.questions import make_questions, to_jsonl
from localcollab_convert.expert.request import SHAPES, ExpertRequest, ExpertResult
from localcollab_convert.expert.train import ExpertTraining, Recipe, build, perplexity
from localcollab_convert.export.likelihood import measure_nll
from localcollab_convert.export.make import Exporter
from localcollab_convert.formats.llama import load_llama
from localcollab_convert.head.make import HeadMaker
from localcollab_convert.head.request import HeadRequest
from localcollab_convert.staging.stages import (
    OnNote,
    Stage,
    file_sha256,
    package_versions,
    write_text,
)
from localcollab_convert.study.card import ExpertCard, save_card
from localcollab_convert.study.texts import split_held_out, texts_sha256

HELD_OUT = 0.04
"""Share of the texts for the perplexity. They join the training after it is measured."""
CHECKPOINT = "checkpoint.pt"
_MAX_QUESTIONS = 3000
_VALID_SHARE = 0.15


def make_expert(request: ExpertRequest, on_progress: OnProgress, on_note: OnNote) -> ExpertResult:
    """Trains the expert and enters the team in the catalogue. `on_note` stays, `on_progress` does not.

    Raises `BadOption`, `BadCatalog`, `BadData`, `BadModelFile`, `HeadMismatch`.
    """
    result = ExpertMaker(request, on_progress, on_note).make()
    enter_expert(request, result)
    return result


class ExpertMaker:
    """The stages of one request."""

    def __init__(self, request: ExpertRequest, on_progress: OnProgress, on_note: OnNote) -> None:
        """Raises `BadCatalog`."""
        self.request = request
        self._show, self._note = on_progress, on_note
        self._base = request.catalog.model(request.base)
        self._train_texts, self._held_out = split_held_out(request.texts, HELD_OUT, request.seed)
        if len(request.texts) < 1 / HELD_OUT:
            self._train_texts, self._held_out = list(request.texts), []

    @property
    def expert_path(self) -> Path:
        return self.request.out / f"{self.request.name}.gguf"

    @property
    def head_path(self) -> Path:
        return self.request.out / f"{self.request.name}.safetensors"

    @property
    def _folder(self) -> Path:
        return self.request.out / "work"

    @property
    def _question_paths(self) -> tuple[Path, Path]:
        return self._folder / "questions-train.jsonl", self._folder / "questions-valid.jsonl"

    @property
    def size(self) -> str:
        """`auto` depends on the length of the texts."""
        if self.request.size != "auto":
            return self.request.size
        n_characters = sum(len(text.whole) for text in self.request.texts)
        return "tiny" if n_characters < 10_000 else "small" if n_characters < 500_000 else "medium"

    @cached_property
    def _recipe(self) -> Recipe:
        return Recipe(SHAPES.get(self.size), self.request.seed)

    @cached_property
    def _training(self) -> Stage:
        key = {
            "texts": texts_sha256(self.request.texts),
            "base": probe(self._base.path, self._show).sha256,
            "size": self.size,
            "minutes": None if self.request.n_steps else self.request.minutes,
            "n_steps": self.request.n_steps,
            "seed": self.request.seed,
            "versions": package_versions("localcollab", "torch", "transformers"),
        }
        return Stage("expert", self._folder / "expert", key)

    def train(self) -> dict[str, Any]:
        """Stage 1: NAME.gguf. Returns steps, seconds and perplexities."""
        stage = self._training
        done = stage.resume(self._note)
        if done is not None:
            return done
        vocabulary = load_vocabulary(self._base.path)
        shape = self._recipe.shape
        if shape is None:
            model = load_llama(self._base.path)
        else:
            model = build(shape, vocabulary.n_tokens, self.request.seed)
        before = perplexity(model, self._held_out, vocabulary)
        run = ExpertTraining(
            model, self._train_texts, vocabulary, self._recipe,
            stage.folder / CHECKPOINT, held_out=self._held_out,
        )  # fmt: skip
        run.n_steps = run.n_steps or self.request.n_steps or 0
        run.run(self.request.minutes, self._show_step)
        facts: dict[str, Any] = {
            "n_steps": run.n_steps,
            "seconds": round(run.seconds, 1),
            "before": _finite(before),
            "after": _finite(run.measured),
            "recalled": perplexity(model, self.request.texts[:50], vocabulary),
        }
        provenance = {"texts": str(stage.key["texts"]), "base": str(stage.key["base"]),
                      "seed": str(self.request.seed)}  # fmt: skip
        write_expert(
            model, self._base.path, self.expert_path, name=self.request.name, provenance=provenance
        )
        self._note(f"expert: {run.n_steps} steps in {run.seconds / 60:.1f} minutes")
        facts["sha256"] = file_sha256(self.expert_path)
        self._save_card(facts)
        return stage.finish(facts, f"../../{self.expert_path.name}")

    def _save_card(self, facts: dict[str, Any]) -> None:
        key = self._training.key
        card = ExpertCard(
            name=self.request.name, sha256=facts["sha256"], base=self.request.base,
            base_sha256=str(key["base"]), size=self.size, seed=self.request.seed,
            texts=tuple(sorted(text.sha256 for text in self.request.texts)),
            minutes=facts["seconds"] / 60, versions=dict(key["versions"]),
        )  # fmt: skip
        save_card(card, self.expert_path)

    def _show_step(self, step: int, n_steps: int, loss: float) -> None:
        self._show(Counted("expert", step, n_steps, "steps", f"loss {loss:.3f}"))

    def write_questions(self) -> tuple[Path, Path]:
        """Stage 2: (train, validation), with the questions of a text in one of them only."""
        rng = random.Random(self.request.seed)
        train, valid = split_held_out(self.request.texts, _VALID_SHARE, self.request.seed + 1)
        if not train or not valid:
            train = valid = list(self.request.texts)
        for path, texts in zip(self._question_paths, (train, valid), strict=True):
            questions = list(make_questions(texts, rng))[:_MAX_QUESTIONS]
            if not questions:
                raise BadOption(
                    "the documents have no sentence of four words or more, which a head needs: add others"
                )
            write_text(path, to_jsonl(questions))
        return self._question_paths

    def plan(self) -> TeamPlan:
        """The new team, without a head."""
        request, catalog = self.request, self.request.catalog
        names: Sequence[str] = (request.name,)
        if request.like:
            names = catalog.team(request.like).require_deferral().experts
        experts = tuple(
            Member(request.name, self.expert_path)
            if name in (request.name, request.place)
            else Member(name, catalog.model(name).path)
            for name in names
        )
        members = (Member("base", self._base.path), *experts)
        return TeamPlan(request.name, members, gate="never")

    def make_head(self, train: Path, valid: Path) -> dict[str, float]:
        """Stage 3: NAME.safetensors. Returns the NLL of head and members. Raises `HeadMismatch`."""
        request = HeadRequest(
            plan=self.plan(), data=train, valid=valid, out=self.head_path,
            work=self._folder / "head", seed=self.request.seed,
            price=self.request.price,
        )  # fmt: skip
        maker = HeadMaker(request, self._show, self._note)
        maker.exporter.export()
        if self.request.like is None:
            return maker.calibrate().training.nll
        return self._reuse_head(maker.exporter, self.request.like)

    def _reuse_head(self, exporter: Exporter, like: str) -> dict[str, float]:
        head = self._head_of(like, exporter.sha256s)
        nll = measure_nll(exporter.table("valid"), head)
        if nll["head"] >= nll["base"]:
            raise HeadMismatch(
                f"the head of {like!r} does not help here ({nll['head']:.3f} nats a token, the base "
                f"alone {nll['base']:.3f}): give more `minutes`, or leave out `like` to train a head"
            )
        metadata = replace(head.metadata, metrics=nll)
        save_head(Head(head.tensors, metadata), self.head_path)
        return nll

    def _head_of(self, like: str, sha256s: Sequence[str]) -> Head:
        team = self.request.catalog.team(like).require_deferral()
        head = load_head(self.request.catalog.trained("heads", team.head or "").path)
        if head.metadata.base_sha256 != sha256s[0]:
            raise HeadMismatch(
                f"the head of {like!r} belongs to another base than {self.request.base!r}: "
                "give its base, or leave out `like`"
            )
        return Head(head.tensors, replace(head.metadata, expert_sha256s=tuple(sha256s[1:])))

    @cached_property
    def _whole(self) -> Stage:
        request = self.request
        like = {"team": request.like, "place": request.place} if request.like else None
        key = {**self._training.key, "like": like, "price": request.price}
        return Stage("made", self._folder / "made", key)

    def make(self) -> ExpertResult:
        """All stages. Deletes every file that contains words of the texts, except the expert."""
        # An expert can recite the documents: it is as private as they are.
        self.request.out.mkdir(parents=True, exist_ok=True, mode=0o700)
        facts = self._whole.resume(self._note)
        if facts is None:
            names = (f"../../{path.name}" for path in (self.expert_path, self.head_path))
            facts = self._whole.finish(self._make(), *names)
        for path in (*self._question_paths, self._folder / "expert" / CHECKPOINT):
            path.unlink(missing_ok=True)
        shutil.rmtree(self._folder / "head", ignore_errors=True)
        return self._result(facts)

    def _make(self) -> dict[str, Any]:
        trained = self.train()
        nll = self.make_head(*self.write_questions())
        known = familiarity(self.expert_path, self.request.texts, self.request.seed)
        return {**trained, "nll": nll, "familiar": asdict(known) if known else None}

    def _result(self, facts: dict[str, Any]) -> ExpertResult:
        familiar = facts["familiar"]
        return ExpertResult(
            self.expert_path, self.head_path, len(self.request.texts), facts["n_steps"],
            facts["seconds"], (_number(facts["before"]), _number(facts["after"])),
            facts["recalled"], facts["nll"], Familiarity(**familiar) if familiar else None,
        )  # fmt: skip


def _finite(value: float) -> float | None:
    """JSON has no NaN."""
    return value if math.isfinite(value) else None


def _number(value: float | None) -> float:
    return math.nan if value is None else value
