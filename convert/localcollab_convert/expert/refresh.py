"""`docs refresh`: what is new in the documents is learned by the expert that is there.

Continued training on the new texts and a share of the old ones; the team's head stays, bound to the
new file. Old and new expert answer the same questions, made from the texts; the new one takes the
place only when it is at least as good on what was known, and better on what is new.
"""

import os
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from localcollab.catalog import Catalog
from localcollab.errors import BadOption
from localcollab.llama.tokenizer import load_vocabulary
from localcollab.methods.heads import Head, load_head, save_head
from localcollab.teams.open import Member, plan_from_catalog
from localcollab_convert.bench.published_style import load as load_llama
from localcollab_convert.expert.card import ExpertCard, card_path, load_card, save_card
from localcollab_convert.expert.entry import enter_team
from localcollab_convert.expert.familiarity import familiarity
from localcollab_convert.expert.file import write_expert
from localcollab_convert.expert.questions import make_questions, to_jsonl
from localcollab_convert.expert.texts import Text, texts_sha256
from localcollab_convert.expert.train import SHAPES, Recipe, Training
from localcollab_convert.export import export
from localcollab_convert.export.likelihood import measure_nll
from localcollab_convert.head.make import HeadMaker
from localcollab_convert.head.request import Request as HeadRequest
from localcollab_convert.staging.stages import Stage, file_sha256, write_text

NEW_SHARE = 0.4
"""Of the texts shown; the rest is replay, so that the old ones are not forgotten."""
TOLERANCE = 0.005
"""Nats a token by which the refreshed team may be worse on what it knew."""
_MOST_TEXTS = 60
"""Of each kind, asked about before and after."""
_QUESTIONS = "questions.jsonl"

OnProgress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Refreshed:
    n_new: int
    n_gone: int
    known: tuple[float, float]
    """Nats a token of the answers about texts that were known, before and after."""
    new: tuple[float, float]
    """The same about the new texts."""
    is_kept: bool
    """The new expert took the old one's place."""
    minutes: float


@dataclass(frozen=True, slots=True)
class Expert:
    """An expert of the team of its name, as a refresh finds it."""

    name: str
    path: Path
    head: Path
    card: ExpertCard


def find_expert(catalog: Catalog, name: str) -> Expert:
    """As `convert expert` entered it. Raises `BadOption`, `BadModelFile`, `BadCatalog`."""
    entry = catalog.team(name).require_deferral()
    if name not in entry.experts or entry.head != name:
        raise BadOption(
            f"the team {name!r} was not made from documents: localcollab convert expert makes one"
        )
    path = catalog.model(name).path
    return Expert(name, path, catalog.trained("heads", name).path, load_card(path))


class Refresh:
    """One refresh. `on_progress` is shown and forgotten."""

    def __init__(
        self, expert: Expert, texts: Sequence[Text], catalog: Catalog, on_progress: OnProgress
    ) -> None:
        """Raises `BadOption` where nothing is new."""
        known = set(expert.card.texts)
        self.new = [t for t in texts if t.sha256 not in known]
        self.old = [t for t in texts if t.sha256 in known]
        self._expert, self._catalog, self._show = expert, catalog, on_progress
        self._n_gone = len(known) - len(self.old)
        if not self.new:
            raise BadOption(
                f"nothing is new for {expert.name!r}: its {len(self.old)} texts are unchanged; "
                "localcollab docs sync looks at the files again"
            )

    def _begin(self, minutes: float, n_steps: int | None) -> Stage:
        """Of these texts, this expert and this length; what was made for others is made anew."""
        key = {
            "texts": texts_sha256([*self.old, *self.new]),
            "expert": self._expert.card.sha256,
            "minutes": None if n_steps else minutes,
            "n_steps": n_steps,
        }
        stage = Stage("refresh", self._expert.path.parent / "work" / "refresh", key)
        stage.begin()
        return stage

    def run(self, minutes: float, n_steps: int | None = None) -> Refreshed:
        """Train, compare, and enter the new expert in the catalogue where it is as good."""
        self._stage = self._begin(minutes, n_steps)
        made = self._stage.folder / "new.gguf"
        head = self._stage.folder / "new.safetensors"
        seconds = self._train(made, minutes, n_steps)
        self._bind_head(made, head)
        known, new = (self._compare(texts, made, head) for texts in (self.old, self.new))
        # Words of the documents stay in the collection.
        (self._stage.folder / _QUESTIONS).unlink(missing_ok=True)
        shutil.rmtree(self._stage.folder / "nll", ignore_errors=True)
        is_kept = new[1] < new[0] and known[1] <= known[0] + TOLERANCE
        if is_kept:
            self._replace(made, head, seconds / 60)
        return Refreshed(len(self.new), self._n_gone, known, new, is_kept, seconds / 60)

    def _train(self, made: Path, minutes: float, n_steps: int | None) -> float:
        """Writes `made`; returns the seconds."""
        card = self._expert.card
        recipe = Recipe(SHAPES.get(card.size), card.seed, learning_rate=8e-4)
        vocabulary = load_vocabulary(self._expert.path)
        run = Training(
            load_llama(self._expert.path), self.old, vocabulary, recipe,
            self._stage.folder / "checkpoint.pt", fresh=self.new, fresh_share=NEW_SHARE,
        )  # fmt: skip
        run.n_steps = run.n_steps or n_steps or 0
        model = run.run(minutes, self._show_step)
        provenance = {"refreshed from": card.sha256, "base": card.base_sha256,
                      "seed": str(card.seed)}  # fmt: skip
        write_expert(model, self._expert.path, made, name=self._expert.name, provenance=provenance)
        return run.seconds

    def _show_step(self, step: int, n_steps: int, loss: float) -> None:
        self._show(f"refresh: step {step} of {n_steps}, loss {loss:.3f}")

    def _bind_head(self, made: Path, out: Path) -> None:
        head = load_head(self._expert.head)
        sha256 = file_sha256(made)
        bound = tuple(
            sha256 if old == self._expert.card.sha256 else old
            for old in head.metadata.expert_sha256s
        )
        save_head(Head(head.tensors, replace(head.metadata, expert_sha256s=bound)), out)

    def _compare(self, texts: Sequence[Text], made: Path, head: Path) -> tuple[float, float]:
        """Nats a token of the answers, old team and new; 0 and 0 where there is no text."""
        rng = random.Random(self._expert.card.seed)
        chosen = rng.sample(list(texts), min(len(texts), _MOST_TEXTS))
        questions = list(make_questions(chosen, rng))
        if not questions:
            return 0.0, 0.0
        data = self._stage.folder / _QUESTIONS
        write_text(data, to_jsonl(questions))
        return (
            self._team_nll(self._expert.path, self._expert.head, data),
            self._team_nll(made, head, data),
        )

    def _team_nll(self, expert: Path, head: Path, data: Path) -> float:
        entry = self._catalog.team(self._expert.name)
        plan = plan_from_catalog(self._catalog, entry)
        members = tuple(
            Member(m.name, expert) if m.name == self._expert.name else m for m in plan.members
        )
        plan = replace(plan, members=members, head=None, gate="never", familiar={})
        asked = HeadRequest(
            plan=plan, data=data, valid=data, out=head, work=self._stage.folder / "nll"
        )
        maker = HeadMaker(asked, self._show, lambda _: None)
        table = export.load_tables(asked.work / "export", maker.export()["valid"])
        return measure_nll(table, load_head(head))["head"]

    def _replace(self, made: Path, head: Path, minutes: float) -> None:
        """Under names of their own; the catalogue then turns to them at once, and the old ones go."""
        old, card = self._expert, self._expert.card
        entry = self._catalog.team(old.name).require_deferral()
        sha256 = file_sha256(made)
        expert = old.path.with_name(f"{old.name}-{sha256[:8]}.gguf")
        os.replace(made, expert)
        os.replace(head, expert.with_suffix(".safetensors"))
        learned = (*self.old, *self.new)
        texts = tuple(sorted(text.sha256 for text in learned))
        save_card(replace(card, sha256=sha256, minutes=card.minutes + minutes, texts=texts), expert)
        found = familiarity(expert, learned, card.seed)
        others = {key: value for key, value in entry.familiar.items() if key != old.name}
        enter_team(
            old.name, base=entry.base, experts=entry.experts, expert=expert,
            head=expert.with_suffix(".safetensors"),
            about=f"{len(texts)} texts of private documents",
            familiar=others | ({old.name: found} if found else {}),
        )  # fmt: skip
        (self._stage.folder / "checkpoint.pt").unlink(missing_ok=True)
        for path in (old.path, old.head, card_path(old.path)):
            path.unlink(missing_ok=True)
