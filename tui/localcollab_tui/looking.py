"""Looking into an answer without touching its caches: readers of their own on the same weights.

Imports numpy and llama.cpp: only the models' thread imports this file.
"""

from collections.abc import Callable, Sequence

import numpy as np

from localcollab.errors import BadOption
from localcollab.language_model import LanguageModel, log_softmax
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.methods.gates import Gate
from localcollab.methods.logits import LogitTeam
from localcollab.methods.vocabulary_map import RemappedVocabulary, in_vocabulary
from localcollab.terminal.visible_text import visible
from localcollab_tui.jobs import Candidate, Opinion

SecondReader = Callable[[LanguageModel], LanguageModel]
_N_LIKELIEST = 3
_CHUNK = 256
"""Positions with logits a read, of a gate preview."""


def second_reader(model: LanguageModel) -> LanguageModel:
    """Another context on `model`'s weights. Raises `BadOption` for what has no weights of its own."""
    if isinstance(model, RemappedVocabulary):
        return in_vocabulary(second_reader(model.inner), model.vocabulary, model.name)
    if isinstance(model, LlamaModel):
        return LlamaModel(model.weights, Options(n_ctx=model.n_ctx), name=model.name)
    if isinstance(model, LogitTeam):
        return model.over(second_reader)
    raise BadOption(
        f"{model.name}: this kind of member cannot be read on its own: look at its team"
    )


def opinion(model: LanguageModel, name: str, tokens: Sequence[int], written: int) -> Opinion:
    """What `model` would have written after `tokens`, and what it gave to `written`."""
    p = np.exp(log_softmax(model.read(tokens).logits[-1]))
    order = np.argsort(-p, kind="stable")[:_N_LIKELIEST]
    likeliest = tuple(Candidate(token_text(model, int(t)), float(p[t])) for t in order)
    return Opinion(name, likeliest, float(p[written]))


def token_text(model: LanguageModel, token: int) -> str:
    """The text of one token; a control token by its name."""
    vocabulary = model.vocabulary
    if token in vocabulary.control or token in vocabulary.end:
        return visible(vocabulary.strings[token])
    return visible(vocabulary.decode([token]))


def p_defer_along(
    base: LanguageModel, gate: Gate, prompt: Sequence[int], answer: Sequence[int]
) -> tuple[float, ...]:
    """The gate's word before each token of `answer`, all experts together."""
    tokens = [*prompt, *answer]
    found: list[float] = []
    for start in range(0, len(answer), _CHUNK):
        n = min(_CHUNK, len(answer) - start)
        until = len(prompt) + start + n - 1  # the token at `until` is the last one predicted
        reading = base.read(tokens[:until], last=n, hidden=gate.needs_hidden)
        found += [float(p) for p in gate.defer(reading, until).sum(axis=1)]
    return tuple(min(p, 1.0) for p in found)
