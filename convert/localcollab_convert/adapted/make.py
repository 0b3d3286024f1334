"""`convert expert` of a real base: documents -> lessons -> a LoRA -> a head -> a team of base and expert.

Stages in one folder: the plan (how fast this machine is), the base's general text, the training, the
check of what was forgotten, the head, the table. A killed run continues in each of them. Everything
that holds words of the documents is deleted at the end, except the adapter.
"""

import gc
import json
import random
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from localcollab.documents.answer.answer import Library
from localcollab.errors import BadOption
from localcollab.llama.header import read_header
from localcollab.llama.options import Options
from localcollab.llama.probe import probe
from localcollab.methods.heads import load_head, save_head
from localcollab.progress import Counted, OnProgress
from localcollab.teams.open import Files
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import Member, TeamPlan
from localcollab.tuning.verdict import judge
from localcollab_convert.adapted import layers as lora
from localcollab_convert.adapted import table
from localcollab_convert.adapted.ability import Ability, measure_ability
from localcollab_convert.adapted.base import load_base, pick_device
from localcollab_convert.adapted.bias import choose_bias
from localcollab_convert.adapted.budget import (
    PRACTICE_SHARE,
    Budget,
    measure_speed,
    memory_bytes,
    plan_rounds,
    require_memory,
    step_tokens,
)
from localcollab_convert.adapted.entry import enter_adapted
from localcollab_convert.adapted.file import read_adapter, write_adapter
from localcollab_convert.adapted.head_data import General, write_head_data
from localcollab_convert.adapted.layers import Adapted, Shape
from localcollab_convert.adapted.leaning import LeaningHeadMaker
from localcollab_convert.adapted.practice import GeneralTexts
from localcollab_convert.adapted.private import private_files
from localcollab_convert.adapted.request import AdaptedRequest, AdaptedResult
from localcollab_convert.adapted.rows import Batch, RowMaker, batches
from localcollab_convert.adapted.train import LoraTraining, Recipe
from localcollab_convert.head.request import HeadRequest
from localcollab_convert.staging.stages import OnNote, Stage, file_sha256, package_versions
from localcollab_convert.study.card import LORA, ExpertCard, save_card
from localcollab_convert.study.general import CHECK, CHOICE, PROSE
from localcollab_convert.study.material import (
    RAW_EVERY,
    Lesson,
    Subject,
    one_round,
    rounds,
    subjects,
    withhold,
)
from localcollab_convert.study.texts import texts_sha256

_LONGEST_ROW = _N_CTX = 1024
"""Tokens."""
_HEAD_LESSONS = 200
"""Questions about the documents, in wordings that the expert never saw, about."""
_BOUNDS = (0.9, 0.6, 0.3, 0.1)
"""Shares of `most_lost` that general text of the head's validation may lose, by turns: other text
loses more."""
_LEAST_OLD = 8
"""Statements of old texts in a round."""
_CHECKPOINT = "checkpoint.pt"


def make_adapted(
    request: AdaptedRequest, on_progress: OnProgress, on_note: OnNote
) -> AdaptedResult:
    """Trains the expert and enters the team in the catalogue. `on_note` stays, `on_progress` does not.

    Raises `BadOption`, `BadCatalog`, `BadData`, `BadModelFile`.
    """
    with private_files():
        result = AdaptedMaker(request, on_progress, on_note).make()
    enter_adapted(request, result)
    return result


class AdaptedMaker:
    """The stages of one request."""

    def __init__(self, request: AdaptedRequest, on_progress: OnProgress, on_note: OnNote) -> None:
        """Raises `BadData`: the documents say nothing."""
        self.request = request
        self._show, self._note = on_progress, on_note
        self._base = request.catalog.model(request.base)
        self.known: list[Subject] = subjects(request.texts)
        self._old = subjects(request.old) if request.old else []
        self.withheld = withhold(self.known, request.effort.n_questions, request.seed)
        self._shape = Shape(request.rank, 2.0 * request.rank)

    @property
    def adapter_path(self) -> Path:
        return self.request.out / f"{self.request.name}.gguf"

    @property
    def head_path(self) -> Path:
        return self.request.out / f"{self.request.name}.safetensors"

    @property
    def _folder(self) -> Path:
        return self.request.out / "work"

    @cached_property
    def _key(self) -> dict[str, Any]:
        request = self.request
        return {
            "texts": texts_sha256(request.texts),
            "base": probe(self._base.path, self._show).sha256,
            "start": file_sha256(request.start) if request.start else None,
            "old": texts_sha256(request.old),
            "minutes": None if request.n_rounds else request.minutes,
            "n_rounds": request.n_rounds, "rank": request.rank, "seed": request.seed,
            "effort": asdict(request.effort), "price": request.price,
            "versions": package_versions("localcollab", "torch", "transformers", "llama-cpp-python"),
        }  # fmt: skip

    def make(self) -> AdaptedResult:
        """All stages."""
        self.request.out.mkdir(parents=True, exist_ok=True, mode=0o700)
        whole = Stage("made", self._folder / "made", self._key)
        facts = whole.resume(self._note)
        if facts is None:
            names = (f"../../{path.name}" for path in (self.adapter_path, self.head_path))
            facts = whole.finish(self._make(), *names)
        self._clean()
        n_texts, n_statements = len(self.request.texts), len(self.known)
        return AdaptedResult.of(facts, self.adapter_path, self.head_path, n_texts, n_statements)

    def _clean(self) -> None:
        """Of what holds words of the documents, the adapter alone is left."""
        for name in ("study", "lora", "head", "general"):
            shutil.rmtree(self._folder / name, ignore_errors=True)

    def _make(self) -> dict[str, Any]:
        trained = self.train()
        fitted = self.fit()
        self._save_card(trained)
        return {**trained, **fitted, **self.compare(), "recalled": self.recall()}

    def _save_card(self, trained: dict[str, Any]) -> None:
        request = self.request
        texts = sorted(text.sha256 for text in (*request.texts, *request.old))
        card = ExpertCard(
            name=request.name, sha256=file_sha256(self.adapter_path), base=request.base,
            base_sha256=str(self._key["base"]), size=LORA, seed=request.seed, texts=tuple(texts),
            minutes=trained["seconds"] / 60, versions=dict(self._key["versions"]),
        )  # fmt: skip
        save_card(card, self.adapter_path)

    # Files of the runtime

    @cached_property
    def _files(self) -> Files:
        return Files(Options(n_ctx=_N_CTX), self._show)

    @property
    def _members(self) -> tuple[Member, Member]:
        path = self._base.path
        return Member("base", path), Member(self.request.name, path, self.adapter_path)

    @cached_property
    def _base_team(self) -> OpenTeam:
        return self._files.beside().open(TeamPlan("base", self._members[:1]))

    def _close_base(self) -> None:
        """Makes room for the training; what is asked of the base later opens it again."""
        for name in ("_rows", "_base_team", "_files"):
            self.__dict__.pop(name, None)
        gc.collect()

    def _expert_team(self) -> OpenTeam:
        return self._files.beside().open(TeamPlan(self.request.name, self._members[1:]))

    def _team(self) -> OpenTeam:
        plan = TeamPlan(self.request.name, self._members, head=self.head_path, compose=True)
        return self._files.beside().open(plan)

    @cached_property
    def _rows(self) -> RowMaker:
        team = self._base_team
        return RowMaker(team.base.vocabulary, team.template, min(_LONGEST_ROW, team.model.n_ctx))

    @property
    def _general(self) -> GeneralTexts:
        folder, request = self._folder / "general", self.request
        return GeneralTexts(folder, request.effort.n_general, request.seed, self._show)

    # Lessons

    @property
    def _asked(self) -> frozenset[tuple[str, str]]:
        """What the table alone asks."""
        return frozenset((each.statement, each.gold) for each in self.withheld)

    def lessons(self, n_rounds: int) -> Iterator[list[Lesson]]:
        """Of old texts each round has as many statements as of new ones, drawn at random."""
        meant: dict[str, str] = {}
        for n in range(n_rounds):
            rng = random.Random(f"{self.request.seed}/old/{n}")
            n_old = min(len(self._old), max(len(self.known), _LEAST_OLD))
            known = [*self.known, *rng.sample(self._old, n_old)]
            yield one_round(self.request.texts, known, n, self.request.seed, self._asked, meant)

    @cached_property
    def _n_step_tokens(self) -> int:
        """Of a step. Few documents need many small steps: how often they are seen is not enough."""
        (lessons,) = self.lessons(1)
        return step_tokens(sum(len(row.tokens) for row in self._rows.rows(lessons)))

    def _batches(self, lessons: Sequence[Lesson]) -> list[Batch]:
        return batches(self._rows.rows(lessons), self._n_step_tokens)

    # The adapter

    def train(self) -> dict[str, Any]:
        """NAME.gguf. Returns rounds, steps, seconds and the speed."""
        stage = Stage("expert", self._folder / "lora", self._key)
        done = stage.resume(self._note)
        if done is not None:
            return done
        device = pick_device()
        needed = memory_bytes(read_header(self._base.path), self._shape, self._n_step_tokens)
        require_memory(needed)
        self._show(f"loading {self.request.base} into PyTorch")
        model = load_base(self._base.path, device)
        layers = lora.adapt(model, self._shape, self.request.seed)
        if self.request.start:
            read_adapter(self.request.start, layers, self._shape, self._base.path)
        budget = self._budget(stage, model, layers, needed)
        near = self._general.practice(
            self._base_team, self._rows, model, layers, device,
            int(PRACTICE_SHARE * self._n_step_tokens),
        )  # fmt: skip
        lessons = [some for each in self.lessons(budget.n_rounds) for some in self._batches(each)]
        recipe = Recipe(self._shape, seed=self.request.seed)
        self._close_base()
        run = LoraTraining(model, layers, recipe, stage.folder / _CHECKPOINT, device)
        run.run(lessons, near, self._show_step)
        self._note(f"expert: {run.step} steps in {run.seconds / 60:.1f} minutes")
        self._write(layers)
        facts = {**asdict(budget), "n_steps": run.step, "seconds": round(run.seconds, 1)}
        return stage.finish(facts, f"../../{self.adapter_path.name}")

    def _show_step(self, step: int, n_steps: int, loss: float) -> None:
        self._show(Counted("expert", step, n_steps, "steps", f"loss {loss:.3f}"))

    def _write(self, layers: dict[str, Adapted]) -> None:
        provenance = {key: str(self._key[key]) for key in ("texts", "base", "seed")}
        provenance["versions"] = json.dumps(self._key["versions"])
        write_adapter(
            layers, self._shape, self._base.path, self.adapter_path, name=self.request.name,
            provenance=provenance,
        )  # fmt: skip

    def _budget(self, stage: Stage, model: Any, layers: dict[str, Adapted], needed: int) -> Budget:
        """Measured once: a resumed run keeps it. Raises `BadOption` where the minutes do not suffice."""
        noted = stage.manifest.get("budget")
        if noted is not None:
            return Budget(**noted)
        some = [self._batches(lessons) for lessons in self.lessons(2)]
        per_round = [sum(each.n_tokens for each in batches_) for batches_ in some]
        tokens = per_round[1] + max(0, per_round[0] - per_round[1]) / RAW_EVERY
        if self.request.n_rounds:
            budget = Budget(self.request.n_rounds, 0.0, 0.0)
        else:
            budget = self._measured(model, layers, some[1], tokens)
            self._note(
                f"a LoRA of {self.request.base}: {len(self.known)} statements, {budget.n_rounds} "
                f"rounds of {tokens:,.0f} tokens, {budget.tokens_per_second:.0f} tokens a second: about "
                f"{budget.minutes:.0f} minutes and {needed / 2**30:.1f} GiB of memory"
            )
        stage.note(budget=asdict(budget))
        return budget

    def _measured(
        self, model: Any, layers: dict[str, Adapted], some: list[Batch], tokens: float
    ) -> Budget:
        self._show("measuring the speed of this machine, at most 20 seconds")
        before = {name: tensor.clone() for name, tensor in lora.state(layers).items()}
        nowhere = self._folder / "lora" / "measured.pt"
        recipe = Recipe(self._shape, seed=self.request.seed)
        speed = measure_speed(LoraTraining(model, layers, recipe, nowhere, pick_device()), some)
        lora.restore(layers, before)
        return plan_rounds(len(self.known), tokens, speed, self.request.minutes)

    # The head

    def make_head(self, most_lost: float) -> dict[str, float]:
        """NAME.safetensors, with a bias at which general text costs the team at most the share
        `most_lost` more. Returns the NLL of members and head. Raises `BadOption` where there is none."""
        train, valid = self._write_questions()
        request = HeadRequest(
            plan=TeamPlan(self.request.name, self._members, gate="never"), data=train, valid=valid,
            out=self.head_path, work=self._folder / "head", seed=self.request.seed, n_ctx=_N_CTX,
            price=self.request.price, n_steps=self.request.effort.n_head_steps, metric="logprob",
            force=True,
        )  # fmt: skip
        maker = LeaningHeadMaker(request, self._show, self._note)
        maker.exporter.export()
        nll = maker.calibrate().training.nll
        head, table = load_head(self.head_path), maker.exporter.table("valid")
        chosen = choose_bias(head, table, maker.kinds("valid"), most_lost)
        if chosen is None:
            raise self._refused("general text costs the team too much whatever the head's bias")
        save_head(chosen.head, self.head_path)
        return nll

    def _write_questions(self) -> tuple[Path, Path]:
        folder = self._folder / "study"
        folder.mkdir(parents=True, exist_ok=True)
        seed = self.request.seed + 1
        known = [*self.known, *self._old]
        n_rounds = max(1, _HEAD_LESSONS * 2 // len(known))
        lessons = [each for some in rounds((), known, n_rounds, seed, self._asked) for each in some]
        about = [lesson for lesson in lessons if lesson.kind == "question"]
        base, texts = self._base_team, self._general
        general = General(
            texts.practised(base), texts.answers(base, CHOICE, "choice"),
            [base.base.vocabulary.decode(tokens) for tokens in texts.free()],
        )  # fmt: skip
        return write_head_data(about, general, folder, seed)

    # What was forgotten

    def fit(self) -> dict[str, Any]:
        """The head, at the loosest of some bounds on its validation data with which the team keeps the
        general ability, measured on other text. Raises `BadOption` where it keeps it with none."""
        lost = 0.0
        for share in _BOUNDS:
            nll = self.make_head(share * self.request.most_lost)
            found = self.check()
            lost = found.lost(2)
            if lost <= self.request.most_lost:
                return {"nll": nll, **asdict(found)}
            self._note(
                f"general text costs the team {lost:.1%} more: the head asks the expert less"
            )
        raise self._refused(f"general text costs the team {lost:.1%} more bits a byte")

    def _refused(self, why: str) -> BadOption:
        """After leaving nothing."""
        self._clean()
        for path in (self.adapter_path, self.head_path):
            path.unlink(missing_ok=True)
        return BadOption(
            f"the expert is not accepted: {why}, and at most {self.request.most_lost:.1%} is allowed: "
            "give fewer documents, or a lower `rank`"
        )

    def check(self) -> Ability:
        """Of base, expert and team, which is what answers."""
        turns = self._general.answers(self._base_team, CHECK, "check")
        expert, team = self._expert_team(), self._team()
        models = (self._base_team.model, expert.model, team.model)
        found = measure_ability(models, self._rows, PROSE, turns, self._show)
        for context in (*expert.contexts, *team.contexts):
            context.close()
        return found

    # Before and after

    def compare(self) -> dict[str, Any]:
        """The table of the withheld questions, and whether the team is worth it beside retrieval."""
        if not self.withheld:
            return {"table": [], "verdict": None}
        expert, team = self._expert_team(), self._team()
        library = Library(self.request.collection, self.request.name)
        found = table.answered(self._base_team, expert, team, library, self.withheld, self._show)
        verdict = judge(found[table.TEAM], {table.BASE_READS: found[table.BASE_READS]})
        rows = [(who, sum(rights), len(rights)) for who, rights in found.items()]
        return {"table": rows, "verdict": asdict(verdict)}

    def recall(self) -> tuple[int, int, int] | None:
        """Questions about old texts that the earlier adapter and the new one answer, and all asked."""
        if self.request.start is None or not self._old:
            return None
        questions = table.asked_again(
            self._old, self.request.effort.n_questions, self.request.seed + 2
        )
        earlier = Member(self.request.name, self._base.path, self.request.start)
        files = self._files.beside()
        teams = [files.open(TeamPlan(m.name, (m,))) for m in (earlier, self._members[1])]
        before, now = (table.count_right(team, questions, self._show) for team in teams)
        return before, now, len(questions)
