"""Training of a LoRA on rows: cross-entropy on the lessons, and nearness to the base on everything else.

The batch of a step depends only on (seed, step) and all that the next step depends on is in the
checkpoint, so a resumed training ends at the same adapter as one that was never interrupted.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from localcollab_convert.adapted import layers as lora
from localcollab_convert.adapted.layers import Adapted, Shape
from localcollab_convert.adapted.rows import Batch
from localcollab_convert.staging.stages import load_checkpoint, save_checkpoint

_WARMUP = 10
_SECONDS_BETWEEN_CHECKPOINTS = 20.0
_CLIP = 1.0
PRACTICE_EVERY = 4
"""Steps: each so many, a batch of general text is read, by base and expert."""
_ROWS = 64
_SAME = 0.05
"""Nats: logits computed in two ways differ by less."""

OnStep = Callable[[int, int, float], None]
"""`on_step(step, total steps, loss)`"""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that the adapter depends on, besides rows, base and the number of steps."""

    shape: Shape = field(default_factory=Shape)
    learning_rate: float = 1e-3
    nearness: float = 4.0
    """Weight of the KL divergence from the base on general text."""
    seed: int = 0


class Reader:
    """The logits of a model at the positions that are learned, and at no others."""

    def __init__(self, model: Any, device: torch.device) -> None:
        self.model, self.device = model, device
        self._inner, self._head = (
            getattr(model, model.base_model_prefix),
            model.get_output_embeddings(),
        )
        self._cap = getattr(model.config.get_text_config(), "final_logit_softcapping", None)
        self._is_direct = self._agrees()

    def logits(self, ids: Tensor, at: Tensor) -> Tensor:
        """ids (n_rows, n_tokens), at (n_rows, n_tokens) bool -> (n, n_vocab) float32."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            # A float32 residual stream, whatever the embeddings are stored in.
            read = self.model.get_input_embeddings()(ids).float()
            if self._is_direct:
                hidden = self._inner(inputs_embeds=read, use_cache=False).last_hidden_state
                picked = hidden[at]
                n = len(picked)
                # Few shapes, as in `rows.batch`.
                padded = F.pad(picked, (0, 0, 0, -n % _ROWS))
                return self._capped(self._head(padded)[:n].float())
            whole: Tensor = self.model(inputs_embeds=read, use_cache=False).logits
            return whole[at].float()

    def _capped(self, logits: Tensor) -> Tensor:
        return self._cap * torch.tanh(logits / self._cap) if self._cap else logits

    @torch.inference_mode()
    def _agrees(self) -> bool:
        """Whether head(hidden) is what the model itself makes of it: some scale their logits."""
        ids = torch.arange(8, device=self.device)[None]
        at = torch.ones_like(ids, dtype=torch.bool)
        self._is_direct = False
        whole = self.logits(ids, at)
        self._is_direct = True
        return bool((self.logits(ids, at) - whole).abs().max() < _SAME)


class LoraTraining:
    """One run; continues from the checkpoint at `path` if it exists."""

    def __init__(
        self, model: Any, layers: dict[str, Adapted], recipe: Recipe, path: Path, device: torch.device
    ) -> None:  # fmt: skip
        """Raises `BadOption`: a damaged checkpoint."""
        self.layers, self.recipe, self.path = layers, recipe, path
        self._reader, self._device = Reader(model, device), device
        self._parameters = lora.parameters(layers)
        self._optimizer = torch.optim.AdamW(
            self._parameters, lr=recipe.learning_rate, weight_decay=0.0
        )
        self.step, self.seconds = 0, 0.0
        if path.exists():
            self._restore()

    def run(self, lessons: Sequence[Batch], practice: Sequence[Batch], on_step: OnStep) -> None:
        """One step a batch of `lessons`; `practice`: general text, by turns; may be empty."""
        before, started = self.seconds, time.monotonic()
        saved = started
        while self.step < len(lessons):
            near = practice[self.step // PRACTICE_EVERY % len(practice)] if practice else None
            loss = self.advance(
                lessons[self.step], near if self.step % PRACTICE_EVERY == 0 else None, len(lessons)
            )
            self.seconds = before + time.monotonic() - started
            on_step(self.step, len(lessons), loss)
            if time.monotonic() - saved > _SECONDS_BETWEEN_CHECKPOINTS:
                self.save()
                saved = time.monotonic()
        self.save()

    def advance(self, lesson: Batch, near: Batch | None, n_steps: int) -> float:
        """The mean loss of the lesson, in nats a token."""
        for group in self._optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * self._schedule(n_steps)
        loss = self._loss(lesson)
        loss.backward()  # type: ignore[no-untyped-call]
        if near is not None:
            (self.recipe.nearness * self._distance(near)).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._parameters, _CLIP)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self.step += 1
        return float(loss.item())

    def _schedule(self, n_steps: int) -> float:
        """Linear warm-up, then linear decay to a fiftieth."""
        return min((self.step + 1) / _WARMUP, max(0.02, 1 - self.step / n_steps))

    def _loss(self, lesson: Batch) -> Tensor:
        ids, at, targets = self._tensors(lesson)
        return F.cross_entropy(self._reader.logits(ids, at), targets)

    def _distance(self, near: Batch) -> Tensor:
        """KL(base || expert), in nats a token."""
        ids, at, _ = self._tensors(near)
        with torch.no_grad(), lora.switched_off(self.layers):
            base = F.log_softmax(self._reader.logits(ids, at), -1)
        expert = F.log_softmax(self._reader.logits(ids, at), -1)
        return F.kl_div(expert, base, reduction="batchmean", log_target=True)

    def _tensors(self, some: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """(ids, which positions predict a learned token, these tokens)."""
        ids = torch.from_numpy(some.ids).to(self._device)
        learned = torch.from_numpy(some.learned).to(self._device)
        before = torch.zeros_like(learned)
        before[:, :-1] = learned[:, 1:]
        return ids, before, ids[learned]

    def save(self) -> None:
        state = {
            "recipe": asdict(self.recipe), "lora": lora.state(self.layers),
            "optimizer": self._optimizer.state_dict(), "step": self.step, "seconds": self.seconds,
        }  # fmt: skip
        save_checkpoint(state, self.path)

    def _restore(self) -> None:
        state = load_checkpoint(self.path, self._device)
        lora.restore(self.layers, state["lora"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]
