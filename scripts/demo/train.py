"""One training: a small Llama on a stream of documents, seeded and resumable.

The batch of step s depends on (seed, name, s) alone, so a training that was cut off goes on as if
it had not been. Knows neither medicines nor GGUF.
"""

import hashlib
import os
import random
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from demo.corpus import Documents, pack_rows

N_CTX = 1024
_SHORT_ROW = 256
_SECONDS_BETWEEN_CHECKPOINTS = 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    """The shape of one model and the length of its training."""

    name: str
    n_layers: int
    n_embd: int
    n_heads: int
    n_ff: int
    n_steps: int
    learning_rate: float
    tokens_per_step: int = 4096
    warmup_steps: int = 60
    long_share: float = 0.15
    """The last part of the steps, in rows of N_CTX: distances the short rows never show."""


@dataclass(slots=True)
class Training:
    """One model on its way: how far it came, and in how many seconds over all runs."""

    plan: Plan
    seed: int
    checkpoint: Path
    model: LlamaForCausalLM
    optimizer: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0


def build_model(plan: Plan, n_tokens: int, seed: int) -> LlamaForCausalLM:
    """A Llama with tied embeddings and random weights."""
    torch.manual_seed(_mix(seed, plan.name, 0))
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=n_tokens,
            hidden_size=plan.n_embd,
            intermediate_size=plan.n_ff,
            num_hidden_layers=plan.n_layers,
            num_attention_heads=plan.n_heads,
            num_key_value_heads=plan.n_heads,
            max_position_embeddings=N_CTX,
            rms_norm_eps=1e-5,
            tie_word_embeddings=True,
            bos_token_id=0,
            eos_token_id=0,
        )
    )


def train(
    plan: Plan,
    documents: Documents,
    tokenizer: Tokenizer,
    seed: int,
    checkpoint: Path,
    start: LlamaForCausalLM | None = None,
) -> Training:
    """The whole training; goes on from `checkpoint` where that was made for the same plan.

    `start`: a model of this shape whose weights a new training begins with.
    """
    training = _begin(plan, tokenizer, seed, checkpoint, start)
    before, started = training.seconds, time.monotonic()
    saved = started
    while training.step < plan.n_steps:
        loss = _step(training, documents, tokenizer)
        training.seconds = before + time.monotonic() - started
        is_last = training.step == plan.n_steps
        if training.step % 50 == 0 or is_last:
            took = f"{training.seconds:.0f} s"
            print(f"{plan.name} step {training.step} loss {loss:.4f} {took}", file=sys.stderr)
        if is_last or time.monotonic() - saved > _SECONDS_BETWEEN_CHECKPOINTS:
            _save(training)
            saved = time.monotonic()
    training.model.eval()
    return training


def _step(training: Training, documents: Documents, tokenizer: Tokenizer) -> float:
    """One batch; the mean loss in nats."""
    plan, model, optimizer = training.plan, training.model, training.optimizer
    for group in optimizer.param_groups:
        group["lr"] = plan.learning_rate * _schedule(plan, training.step)
    is_long = training.step >= plan.n_steps * (1 - plan.long_share)
    n_tokens = N_CTX if is_long else _SHORT_ROW
    stream = documents(random.Random(_mix(training.seed, plan.name, training.step + 1)))
    ids, labels = pack_rows(stream, tokenizer, plan.tokens_per_step // n_tokens, n_tokens)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = model(input_ids=ids, labels=labels).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    training.step += 1
    return float(loss.item())


def _schedule(plan: Plan, step: int) -> float:
    """Linear warm-up, then linear decay to a fiftieth."""
    return min((step + 1) / plan.warmup_steps, max(0.02, 1 - step / plan.n_steps))


def _mix(seed: int, name: str, step: int) -> int:
    """One 63-bit seed from three values; `hash` of a string differs between processes."""
    digest = hashlib.sha256(f"{seed}/{name}/{step}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _save(training: Training) -> None:
    state = {
        "plan": asdict(training.plan),
        "seed": training.seed,
        "step": training.step,
        "seconds": training.seconds,
        "model": training.model.state_dict(),
        "optimizer": training.optimizer.state_dict(),
    }
    partial = training.checkpoint.with_name(training.checkpoint.name + ".partial")
    torch.save(state, partial)
    os.replace(partial, training.checkpoint)


def _begin(
    plan: Plan, tokenizer: Tokenizer, seed: int, checkpoint: Path, start: LlamaForCausalLM | None
) -> Training:
    """A new training, or the one in `checkpoint`. Exits where that was made for another plan."""
    model = build_model(plan, tokenizer.get_vocab_size(), seed)
    if start is not None:
        model.load_state_dict(start.state_dict())
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=plan.learning_rate, betas=(0.9, 0.95), weight_decay=0.05
    )
    training = Training(plan, seed, checkpoint, model, optimizer)
    if not checkpoint.exists():
        return training
    state = torch.load(checkpoint, weights_only=True)
    if (state["plan"], state["seed"]) != (asdict(plan), seed):
        raise SystemExit(
            f"{checkpoint} was made for {state['plan']} with seed {state['seed']},"
            f" this run wants {asdict(plan)} with seed {seed}: choose an empty --out"
        )
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    training.step, training.seconds = state["step"], state["seconds"]
    return training
