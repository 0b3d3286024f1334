"""Members' predictions inside an answer, from second contexts on the same weights.

The caches of the conversation stay untouched. Imports numpy and llama.cpp: for the models' thread only.
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
from localcollab.vocabularies.lifted import LiftedModel
from localcollab.vocabularies.prompts import PromptedModel
from localcollab.vocabularies.translated import TranslatedModel
from localcollab_tui.messages import Candidate, Prediction

SecondReader = Callable[[LanguageModel], LanguageModel]
_N_TOP = 3
_CHUNK = 256
"""Positions per read of a gate preview."""


def second_reader(model: LanguageModel) -> LanguageModel:
    """Another context on the weights of `model`. Raises `BadOption` for a model without own weights."""
    if isinstance(model, RemappedVocabulary):
        return in_vocabulary(second_reader(model.inner), model.vocabulary)
    if isinstance(model, LiftedModel):
        guide = second_reader(model.guide)
        inner = second_reader(model.inner)
        return LiftedModel(inner, guide, spelling=model.spelling, prompts=model.prompts)
    if isinstance(model, TranslatedModel):
        inner = second_reader(model.inner)
        return TranslatedModel(inner, model.vocabulary, model.spelling, model.prompts)
    if isinstance(model, PromptedModel):
        return PromptedModel(second_reader(model.inner), model.prompts)
    if isinstance(model, LlamaModel):
        return LlamaModel(model.weights, Options(n_ctx=model.n_ctx), name=model.name)
    if isinstance(model, LogitTeam):
        return model.over(second_reader)
    raise BadOption(
        f"{model.name}: this kind of member cannot be inspected on its own: inspect its team"
    )


def predict(model: LanguageModel, name: str, tokens: Sequence[int], written: int) -> Prediction:
    """What `model` predicts after `tokens`, and its probability of `written`."""
    p = np.exp(log_softmax(model.read(tokens).logits[-1]))
    order = np.argsort(-p, kind="stable")[:_N_TOP]
    top = tuple(Candidate(token_text(model, int(t)), float(p[t])) for t in order)
    return Prediction(name, top, float(p[written]))


def token_text(model: LanguageModel, token: int) -> str:
    """The text of one token; of a control token its name."""
    vocabulary = model.vocabulary
    if token in vocabulary.control or token in vocabulary.end:
        return visible(vocabulary.strings[token])
    return visible(vocabulary.decode([token]))


def p_defer_along(
    base: LanguageModel, gate: Gate, prompt: Sequence[int], answer: Sequence[int]
) -> tuple[float, ...]:
    """p_defer before each token of `answer`, summed over the experts."""
    tokens = [*prompt, *answer]
    found: list[float] = []
    for start in range(0, len(answer), _CHUNK):
        n = min(_CHUNK, len(answer) - start)
        until = len(prompt) + start + n - 1  # the token at `until` is the last one predicted
        reading = base.read(tokens[:until], last=n, hidden=gate.needs_hidden)
        found += [float(p) for p in gate.defer(reading, until).sum(axis=1)]
    return tuple(min(p, 1.0) for p in found)
