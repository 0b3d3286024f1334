"""`docs refresh`: an existing expert learns new documents.

Training continues on the new texts and a share of the old ones; the team's head is bound to the new file.
Old and new expert are compared on the same questions, generated from the texts; the new one replaces the
old one only if it is as good on known texts and better on new ones.
"""

import os
import random
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from localcollab.llama.tokenizer import load_vocabulary
from localcollab.methods.heads import Head, load_head, save_head
from localcollab.progress import Counted, OnProgress
from localcollab.teams.plan import Member, plan_from_catalog
from localcollab_convert.expert.entry import enter_team
from localcollab_convert.expert.familiarity import familiarity
from localcollab_convert.expert.file import write_expert
from localcollab_convert.expert.questions import make_questions, to_jsonl
from localcollab_convert.expert.request import SHAPES
from localcollab_convert.expert.train import ExpertTraining, Recipe
from localcollab_convert.export.likelihood import measure_nll
from localcollab_convert.export.make import Exporter
from localcollab_convert.export.request import ExportRequest
from localcollab_convert.formats.llama import load_llama
from localcollab_convert.refresh.request import RefreshRequest, RefreshResult
from localcollab_convert.staging.stages import Stage, file_sha256, write_text
from localcollab_convert.study.card import card_path, save_card
from localcollab_convert.study.texts import Text, texts_sha256

NEW_SHARE = 0.4
"""Of the training stream; the rest is old texts, so that they are not forgotten."""
TOLERANCE = 0.005
"""Nats a token by which the refreshed team may be worse on known texts."""
_MAX_TEXTS = 60
"""Known and new texts each, for the comparison."""
_QUESTIONS = "questions.jsonl"


def refresh_expert(request: RefreshRequest, on_progress: OnProgress) -> RefreshResult:
    """Train, compare, and replace the old expert in the catalogue if the new one is as good.

    Raises `BadData`, `BadModelFile`, `BadCatalog`.
    """
    return Refresh(request, on_progress).run()


class Refresh:
    """One refresh. `on_progress` is transient."""

    def __init__(self, request: RefreshRequest, on_progress: OnProgress) -> None:
        self.request = request
        self._expert, self._catalog, self._show = request.expert, request.catalog, on_progress
        key = {
            "texts": texts_sha256(request.texts),
            "expert": self._expert.card.sha256,
            "minutes": None if request.n_steps else request.minutes,
            "n_steps": request.n_steps,
        }
        self._stage = Stage("refresh", self._expert.path.parent / "work" / "refresh", key)

    def run(self) -> RefreshResult:
        request = self.request
        self._stage.begin()
        candidate = self._stage.folder / "new.gguf"
        head = self._stage.folder / "new.safetensors"
        seconds = self._train(candidate)
        self._bind_head(candidate, head)
        known, new = (
            self._compare(texts, candidate, head) for texts in (request.known, request.new)
        )
        # Only the collection and the expert may contain words of the documents.
        (self._stage.folder / _QUESTIONS).unlink(missing_ok=True)
        shutil.rmtree(self._stage.folder / "nll", ignore_errors=True)
        is_kept = new[1] < new[0] and known[1] <= known[0] + TOLERANCE
        if is_kept:
            self._replace(candidate, head, seconds / 60)
        return RefreshResult(len(request.new), request.n_gone, known, new, is_kept, seconds / 60)

    def _train(self, candidate: Path) -> float:
        """Writes `candidate`; returns the seconds."""
        card, request = self._expert.card, self.request
        recipe = Recipe(SHAPES.get(card.size), card.seed, learning_rate=8e-4)
        vocabulary = load_vocabulary(self._expert.path)
        run = ExpertTraining(
            load_llama(self._expert.path), request.known, vocabulary, recipe,
            self._stage.folder / "checkpoint.pt", new=request.new, new_share=NEW_SHARE,
        )  # fmt: skip
        run.n_steps = run.n_steps or request.n_steps or 0
        model = run.run(request.minutes, self._show_step)
        provenance = {"refreshed from": card.sha256, "base": card.base_sha256,
                      "seed": str(card.seed)}  # fmt: skip
        write_expert(
            model, self._expert.path, candidate, name=self._expert.name, provenance=provenance
        )
        return run.seconds

    def _show_step(self, step: int, n_steps: int, loss: float) -> None:
        self._show(Counted("refresh", step, n_steps, "steps", f"loss {loss:.3f}"))

    def _bind_head(self, candidate: Path, out: Path) -> None:
        head = load_head(self._expert.head)
        sha256 = file_sha256(candidate)
        bound = tuple(
            sha256 if old == self._expert.card.sha256 else old
            for old in head.metadata.expert_sha256s
        )
        save_head(Head(head.tensors, replace(head.metadata, expert_sha256s=bound)), out)

    def _compare(self, texts: Sequence[Text], candidate: Path, head: Path) -> tuple[float, float]:
        """Nats a token of the answers, old team and new; 0 and 0 without texts."""
        rng = random.Random(self._expert.card.seed)
        chosen = rng.sample(list(texts), min(len(texts), _MAX_TEXTS))
        questions = list(make_questions(chosen, rng))
        if not questions:
            return 0.0, 0.0
        data = self._stage.folder / _QUESTIONS
        write_text(data, to_jsonl(questions))
        return (
            self._team_nll(self._expert.path, self._expert.head, data),
            self._team_nll(candidate, head, data),
        )

    def _team_nll(self, expert: Path, head: Path, data: Path) -> float:
        entry = self._catalog.team(self._expert.name)
        plan = plan_from_catalog(self._catalog, entry)
        members = tuple(
            Member(m.name, expert) if m.name == self._expert.name else m for m in plan.members
        )
        plan = replace(plan, members=members, head=None, gate="never", familiar={})
        request = ExportRequest(plan=plan, data=data, valid=data, work=self._stage.folder / "nll")
        exporter = Exporter(request, self._show, lambda _: None)
        exporter.export()
        return measure_nll(exporter.table("valid"), load_head(head))["head"]

    def _replace(self, candidate: Path, head: Path, minutes: float) -> None:
        """New files first, then the catalogue entry in one rename; then the old files are deleted."""
        old, card = self._expert, self._expert.card
        entry = self._catalog.team(old.name).require_deferral()
        sha256 = file_sha256(candidate)
        expert = old.path.with_name(f"{old.name}-{sha256[:8]}.gguf")
        os.replace(candidate, expert)
        os.replace(head, expert.with_suffix(".safetensors"))
        learned = self.request.texts
        texts = tuple(sorted(text.sha256 for text in learned))
        save_card(replace(card, sha256=sha256, minutes=card.minutes + minutes, texts=texts), expert)
        found = familiarity(expert, learned, card.seed)
        others = {key: value for key, value in entry.familiar.items() if key != old.name}
        enter_team(
            old.name, base=entry.base, experts=entry.experts, expert=expert,
            head=expert.with_suffix(".safetensors"),
            n_texts=len(texts),
            familiar=others | ({old.name: found} if found else {}),
        )  # fmt: skip
        (self._stage.folder / "checkpoint.pt").unlink(missing_ok=True)
        for path in (old.path, old.head, card_path(old.path)):
            path.unlink(missing_ok=True)
