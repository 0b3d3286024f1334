"""`convert expert`: documents -> an expert beside a base -> a head -> a team of the catalogue.

Three resumable stages in one work folder: the expert's training, the questions made from the
documents, and the head. The head is trained on those questions; or, with `like`, it is the head of
another team on the same base in which the new expert takes an old one's place: where a base needs
somebody else does not depend on who that is.
"""

import math
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from localcollab.catalog import Catalog, Familiarity
from localcollab.errors import BadOption, HeadMismatch
from localcollab.llama.probe import probe
from localcollab.llama.tokenizer import load_vocabulary
from localcollab.methods.heads import Head, load_head, save_head
from localcollab.teams.open import Member, TeamPlan
from localcollab_convert.bench.published_style import load as load_llama
from localcollab_convert.expert.card import ExpertCard, save_card
from localcollab_convert.expert.familiarity import familiarity
from localcollab_convert.expert.file import write_expert
from localcollab_convert.expert.questions import make_questions, to_jsonl
from localcollab_convert.expert.request import Like, Made, Request
from localcollab_convert.expert.texts import split_held_out, texts_sha256
from localcollab_convert.expert.train import SHAPES, Recipe, Training, build, perplexity
from localcollab_convert.export import export
from localcollab_convert.export.likelihood import measure_nll
from localcollab_convert.head.make import HeadMaker
from localcollab_convert.head.request import Request as HeadRequest
from localcollab_convert.staging.stages import Stage, file_sha256, write_text

HELD_OUT = 0.04
"""Of the texts: for the perplexity. They join the training when that is measured."""
CONTINUED = "base"
CHECKPOINT = "checkpoint.pt"
_MOST_QUESTIONS = 3000
_VALID_SHARE = 0.15

OnProgress = Callable[[str], None]


class ExpertMaker:
    """The stages of one request. `on_progress` is shown and forgotten, `on_note` stays."""

    def __init__(self, request: Request, on_progress: OnProgress, on_note: OnProgress) -> None:
        """Raises `BadOption`, `BadCatalog`, `BadModelFile`."""
        if request.size not in ("auto", CONTINUED, *SHAPES):
            raise BadOption(
                f"--size is {request.size!r}: choose auto, {CONTINUED}, {', '.join(SHAPES)}"
            )
        if not 0 < request.minutes <= 60 * 24:
            raise BadOption(f"--minutes is {request.minutes}: give a number above 0, up to 1440")
        if request.n_steps is not None and not 0 < request.n_steps <= 10**6:
            raise BadOption(f"--steps is {request.n_steps}: give a number from 1 to a million")
        self.request = request
        if request.like:
            _require_place(request.catalog, request.like)
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
    def _work(self) -> Path:
        return self.request.out / "work"

    @property
    def _question_paths(self) -> tuple[Path, Path]:
        return self._work / "questions-train.jsonl", self._work / "questions-valid.jsonl"

    @property
    def size(self) -> str:
        """Auto: by the length of the texts."""
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
            "versions": {n: version(n) for n in ("localcollab", "torch", "transformers")},
        }
        return Stage("expert", self._work / "expert", key)

    def train(self) -> dict[str, Any]:
        """Stage 1: NAME.gguf, and what it cost and gained."""
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
        run = Training(
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
        self._show(f"expert: step {step} of {n_steps}, loss {loss:.3f}")

    def write_questions(self) -> tuple[Path, Path]:
        """Stage 2: (train, validation); no text has questions in both."""
        rng = random.Random(self.request.seed)
        train, valid = split_held_out(self.request.texts, _VALID_SHARE, self.request.seed + 1)
        if not train or not valid:
            train = valid = list(self.request.texts)
        for path, texts in zip(self._question_paths, (train, valid), strict=True):
            questions = list(make_questions(texts, rng))[:_MOST_QUESTIONS]
            if not questions:
                raise BadOption(
                    "the documents hold no sentence of four words or more: a head needs some"
                )
            write_text(path, to_jsonl(questions))
        return self._question_paths

    def plan(self) -> TeamPlan:
        """The new team, without a head."""
        like, catalog = self.request.like, self.request.catalog
        names = catalog.team(like.team).require_deferral().experts if like else (self.request.name,)
        experts = tuple(
            Member(self.request.name, self.expert_path)
            if name == self.request.name or (like and name == like.place)
            else Member(name, catalog.model(name).path)
            for name in names
        )
        members = (Member("base", self._base.path), *experts)
        return TeamPlan(self.request.name, members, gate="never")

    def make_head(self, train: Path, valid: Path) -> dict[str, float]:
        """Stage 3: NAME.safetensors. Returns its NLL beside the members'. Raises `HeadMismatch`."""
        asked = HeadRequest(
            plan=self.plan(), data=train, valid=valid, out=self.head_path,
            work=self._work / "head", seed=self.request.seed,
            price=self.request.price,
        )  # fmt: skip
        maker = HeadMaker(asked, self._show, self._note)
        if self.request.like is None:
            maker.export()
            return maker.calibrate().training.nll
        return self._take_over(maker, self.request.like)

    def _take_over(self, maker: HeadMaker, like: Like) -> dict[str, float]:
        exported = maker.export()
        table = export.load_tables(maker.request.work / "export", exported["valid"])
        head = self._head_of(like, maker.sha256s)
        nll = measure_nll(table, head)
        if nll["head"] >= nll["base"]:
            raise HeadMismatch(
                f"the head of {like.team!r} does not help here ({nll['head']:.3f} nats a token, the "
                f"base alone {nll['base']:.3f}): give more --minutes, or leave "
                "--like out, and a head is trained"
            )
        metadata = replace(head.metadata, metrics=nll)
        save_head(Head(head.tensors, metadata), self.head_path)
        return nll

    def _head_of(self, like: Like, sha256s: Sequence[str]) -> Head:
        team = self.request.catalog.team(like.team).require_deferral()
        head = load_head(self.request.catalog.trained("heads", team.head or "").path)
        if head.metadata.base_sha256 != sha256s[0]:
            raise HeadMismatch(
                f"the head of {like.team!r} belongs to another base than {self.request.base!r}: "
                "give its base, or leave --like out"
            )
        return Head(head.tensors, replace(head.metadata, expert_sha256s=tuple(sha256s[1:])))

    @cached_property
    def _whole(self) -> Stage:
        like = asdict(self.request.like) if self.request.like else None
        key = {**self._training.key, "like": like, "price": self.request.price}
        return Stage("made", self._work / "made", key)

    def make(self) -> Made:
        """All stages. Nothing stays that holds words of the texts, but for the expert itself."""
        # What an expert knows by heart is as private as the documents are.
        self.request.out.mkdir(parents=True, exist_ok=True, mode=0o700)
        facts = self._whole.resume(self._note)
        if facts is None:
            names = (f"../../{path.name}" for path in (self.expert_path, self.head_path))
            facts = self._whole.finish(self._make(), *names)
        for path in (*self._question_paths, self._work / "expert" / CHECKPOINT):
            path.unlink(missing_ok=True)
        shutil.rmtree(self._work / "head", ignore_errors=True)
        return self._made(facts)

    def _make(self) -> dict[str, Any]:
        trained = self.train()
        nll = self.make_head(*self.write_questions())
        known = familiarity(self.expert_path, self.request.texts, self.request.seed)
        return {**trained, "nll": nll, "familiar": asdict(known) if known else None}

    def _made(self, facts: dict[str, Any]) -> Made:
        familiar = facts["familiar"]
        return Made(
            self.expert_path, self.head_path, len(self.request.texts), facts["n_steps"],
            facts["seconds"], (_number(facts["before"]), _number(facts["after"])),
            facts["recalled"], facts["nll"], Familiarity(**familiar) if familiar else None,
        )  # fmt: skip


def _require_place(catalog: Catalog, like: Like) -> None:
    """Before hours of training. Raises `BadOption`, `BadCatalog`."""
    team = catalog.team(like.team).require_deferral()
    if like.place not in team.experts:
        raise BadOption(
            f"--place is {like.place!r}: the team {like.team!r} has {', '.join(team.experts)}"
        )
    if team.head is None:
        raise BadOption(f"the team {like.team!r} has no head to take over: leave --like out")


def _finite(value: float) -> float | None:
    """JSON has no NaN."""
    return value if math.isfinite(value) else None


def _number(value: float | None) -> float:
    return math.nan if value is None else value
