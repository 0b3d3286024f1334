"""Training of an expert on texts: a Llama from scratch, or continued from a base.

The batch of a step depends only on (seed, step), so a resumed training is identical to an uninterrupted
one. Progress is a share of the steps or, where minutes are given, of the minutes.
"""

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import LlamaConfig, LlamaForCausalLM

from localcollab.vocabulary import Vocabulary
from localcollab_convert.expert.request import Shape
from localcollab_convert.staging.stages import load_checkpoint, save_checkpoint
from localcollab_convert.study.texts import Text, mixed, pack_rows

N_CTX = 1024
_ROW = 256
_MIN_TOKENS, _MAX_TOKENS = 1024, 4096
"""A step."""
_STEPS_PER_ROUND = 8
"""Minimum number of steps a round through the texts, if a step keeps enough tokens: a step on all texts
learns little more than a step on a part, and costs many times as much."""
_CHARACTERS_PER_TOKEN = 4
_WARMUP = 40
_MIN_STEPS = 20
"""However short the time."""
_SECONDS_BETWEEN_CHECKPOINTS = 20.0
_LONG_SHARE = 0.15
"""The last steps have rows of `N_CTX`, for distances that short rows do not have."""

_JOIN = 0.7
"""Share of the steps after which the held-out texts, their perplexity measured, join the training."""
_LATE_FACTOR = 3
"""Oversampling of the held-out texts, so that they are seen about as often as the others."""

OnStep = Callable[[int, int, float], None]
"""`on_step(step, total steps, loss)`"""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that the trained weights depend on, besides texts, base and the number of steps."""

    shape: Shape | None
    """None: continued from the base's own weights."""
    seed: int = 0
    learning_rate: float = 2e-3

    @property
    def rate(self) -> float:
        """Lower for a trained model."""
        return self.learning_rate if self.shape else self.learning_rate / 8


def build(shape: Shape, n_vocab: int, seed: int) -> LlamaForCausalLM:
    """Tied embeddings, random weights."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=n_vocab, hidden_size=shape.n_embd, intermediate_size=shape.n_ff,
        num_hidden_layers=shape.n_layers, num_attention_heads=shape.n_heads,
        num_key_value_heads=shape.n_heads, max_position_embeddings=N_CTX, rms_norm_eps=1e-5,
        tie_word_embeddings=True,
    )  # fmt: skip
    return LlamaForCausalLM(config)


def tokens_per_step(texts: Sequence[Text]) -> int:
    """A power of two, a small share of one round through the texts."""
    n_tokens = sum(len(text.whole) for text in texts) // _CHARACTERS_PER_TOKEN
    found = _MIN_TOKENS
    while found < _MAX_TOKENS and 2 * found * _STEPS_PER_ROUND <= n_tokens:
        found *= 2
    return found


class ExpertTraining:
    """One run; `run` continues from the checkpoint at `path` if it exists."""

    def __init__(
        self, model: LlamaForCausalLM, texts: Sequence[Text], vocabulary: Vocabulary,
        recipe: Recipe, path: Path, *, new: Sequence[Text] = (), new_share: float = 0.0,
        held_out: Sequence[Text] = (),
    ) -> None:  # fmt: skip
        """`new`: texts that are a `new_share` of the stream, however few they are. `held_out`: texts that
        join late."""
        self.model, self.recipe, self.path = model, recipe, path
        self._texts, self._vocabulary = texts, vocabulary
        self._new, self._new_share = new, new_share
        self._held_out = held_out
        self._n_tokens = tokens_per_step((*texts, *new, *held_out))
        self.measured = math.nan
        """Perplexity of the held-out texts before they join."""
        self._optimizer = torch.optim.AdamW(
            model.parameters(), lr=recipe.rate, betas=(0.9, 0.95), weight_decay=0.05
        )
        self.step, self.n_steps, self.seconds = 0, 0, 0.0
        self.max_seconds = math.inf
        """Used while `n_steps` is 0."""
        if path.exists():
            self._restore()

    def run(self, minutes: float, on_step: OnStep) -> LlamaForCausalLM:
        """Train for about `minutes` in total, earlier runs included."""
        before, started = self.seconds, time.monotonic()
        saved, self.max_seconds = started, minutes * 60
        self.model.train()
        while self.share < 1:
            if self.share >= _JOIN:
                self._measure()
            loss = self._advance()
            self.seconds = before + time.monotonic() - started
            on_step(self.step, int(self.step / self.share), loss)
            if time.monotonic() - saved > _SECONDS_BETWEEN_CHECKPOINTS:
                self.save()
                saved = time.monotonic()
        self._measure()
        self.n_steps = self.step
        self.save()
        return self.model.eval()

    def _measure(self) -> None:
        if self._held_out and math.isnan(self.measured):
            self.measured = perplexity(self.model, self._held_out, self._vocabulary)
            self.model.train()

    @property
    def share(self) -> float:
        """Of the training that is done."""
        if self.n_steps:
            return self.step / self.n_steps
        return min(self.seconds / self.max_seconds, self.step / _MIN_STEPS, 1.0)

    def stream(self, rng: random.Random) -> Iterator[str]:
        if self._held_out and self.share >= _JOIN:
            share = len(self._held_out) / (len(self._held_out) + len(self._texts))
            return mixed(self._texts, self._held_out, min(0.5, _LATE_FACTOR * share), rng)
        return mixed(self._texts, self._new, self._new_share, rng)

    def _advance(self) -> float:
        """One batch; the mean loss in nats."""
        for group in self._optimizer.param_groups:
            group["lr"] = self.recipe.rate * self._schedule()
        is_long = self.share >= 1 - _LONG_SHARE
        n_tokens = N_CTX if is_long else _ROW
        rng = random.Random(f"{self.recipe.seed}/{self.step}")
        rows = pack_rows(self.stream(rng), self._vocabulary, self._n_tokens // n_tokens, n_tokens)
        ids = torch.tensor(rows)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss: Tensor = self.model(input_ids=ids, labels=ids).loss
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self.step += 1
        return float(loss.item())

    def _schedule(self) -> float:
        """Linear warm-up, then linear decay to a fiftieth."""
        return min((self.step + 1) / _WARMUP, max(0.02, 1 - self.share))

    def save(self) -> None:
        state = {
            "recipe": asdict(self.recipe), "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(), "step": self.step,
            "n_steps": self.n_steps, "seconds": self.seconds, "measured": self.measured,
        }  # fmt: skip
        save_checkpoint(state, self.path)

    def _restore(self) -> None:
        state = load_checkpoint(self.path)
        self.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.step, self.n_steps = state["step"], state["n_steps"]
        self.seconds, self.measured = state["seconds"], state["measured"]


@torch.inference_mode()
def perplexity(model: LlamaForCausalLM, texts: Sequence[Text], vocabulary: Vocabulary) -> float:
    """Per token of whole texts, each without context; NaN without texts."""
    total, count = 0.0, 0
    model.eval()
    for text in texts:
        ids = torch.tensor([vocabulary.encode(text.whole)[:N_CTX]])
        if ids.shape[1] < 2:
            continue
        logits = model(input_ids=ids).logits[0, :-1].float()  # (n - 1, n_vocab)
        total += float(F.cross_entropy(logits, ids[0, 1:], reduction="sum"))
        count += ids.shape[1] - 1
    return math.exp(total / count) if count else math.nan
