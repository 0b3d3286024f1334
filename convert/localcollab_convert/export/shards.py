"""Teacher-forced hidden states of the base, and every member's log-prob of each gold token, in shards.

Training reads only these files, not the models. Examples are split into shards of a few MB before any
model runs, and every shard starts from empty caches, so a resumed export is bit-identical.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from localcollab.decoding.likelihood import Gold, read_gold
from localcollab.errors import EvaluationFailed, LocalcollabError, VocabularyMismatch
from localcollab.language_model import Float32Array, LanguageModel
from localcollab.vocabularies.translated import TranslatedModel
from localcollab.vocabularies.word_scores import WordScorer
from localcollab_convert.export.examples import Example
from localcollab_convert.export.likelihood import FLOOR, TokenTable, concatenate

_SHARD_BYTES = 4 * 2**20

OnDone = Callable[[int, int], None]
"""`on_done(answer tokens done, total)`"""


@dataclass(frozen=True, slots=True)
class Shard:
    name: str
    examples: tuple[Example, ...]

    @property
    def n_tokens(self) -> int:
        return sum(len(example.positions) for example in self.examples)


def plan_shards(
    split: str, examples: Sequence[Example], n_embd: int, shard_bytes: int = _SHARD_BYTES
) -> list[Shard]:
    """Whole examples in order; a shard ends once it reaches `shard_bytes`."""
    shards: list[Shard] = []
    pending: list[Example] = []
    size = 0
    for example in examples:
        pending.append(example)
        size += len(example.positions) * n_embd * 2
        if size >= shard_bytes:
            shards.append(Shard(f"{split}-{len(shards):05}.safetensors", tuple(pending)))
            pending, size = [], 0
    if pending:
        shards.append(Shard(f"{split}-{len(shards):05}.safetensors", tuple(pending)))
    return shards


def export_shards(
    folder: Path, shards: Sequence[Shard], members: Sequence[LanguageModel], on_done: OnDone
) -> None:
    """Write the missing shards. `members`: base first. Raises what `read` raises.

    One row a token; one a word where a member has another vocabulary.
    """
    others = any(isinstance(member, TranslatedModel) for member in members)
    by_words = partial(score_words, scorer=WordScorer(members), base=members[0]) if others else None
    total, done = sum(shard.n_tokens for shard in shards), 0
    on_done(0, total)
    starts = {example.tokens[0] for shard in shards for example in shard.examples}
    for shard in shards:
        path = folder / shard.name
        if not path.exists():
            for member in members:
                forget(member, starts)
            tables, n = [], done
            for example in shard.examples:
                tables.append(by_words(example) if by_words else score(example, members))
                n += len(example.positions)
                on_done(n, total)
            write_table(path, concatenate(tables))
        done += shard.n_tokens
        on_done(done, total)


def forget(model: LanguageModel, starts: set[int]) -> None:
    """Empty the cache: read one token that no example begins with, so that no prefix is shared."""
    for token in range(model.vocabulary.n_tokens):
        if token in starts:
            continue
        try:
            model.read([token], last=0)
        except VocabularyMismatch:
            continue
        return


def score(example: Example, members: Sequence[LanguageModel]) -> TokenTable:
    """One example through every member."""
    base, *experts = members
    first = read_gold(base, example.tokens, example.positions, hidden=True)
    rest = [_read_expert(expert, example) for expert in experts]
    assert first.hidden is not None
    return TokenTable(
        _half(first.hidden, example, base),
        np.maximum(np.stack([g.logprobs for g in (first, *rest)], axis=1), np.float32(FLOOR)),
        np.stack([g.is_argmax for g in (first, *rest)], axis=1),
    )


def score_words(example: Example, scorer: WordScorer, base: LanguageModel) -> TokenTable:
    """One row for every word of the answers, and for their ends."""
    found = scorer.score(example.tokens, example.answers, hidden=True)
    assert found.hidden is not None
    return TokenTable(_half(found.hidden, example, base), found.logprobs, found.is_argmax)


def _half(hidden: Float32Array, example: Example, base: LanguageModel) -> npt.NDArray[np.float16]:
    with np.errstate(over="ignore"):
        states = hidden.astype(np.float16)
    if not np.isfinite(states).all():
        raise EvaluationFailed(
            f"{example.where}: {base.name} produces hidden states that are NaN or beyond 65504: "
            "use another file of this model"
        )
    return states


def _read_expert(expert: LanguageModel, example: Example) -> Gold:
    try:
        return read_gold(expert, example.tokens, example.positions)
    except VocabularyMismatch:
        # A mapped expert lacks a token of this example: it cannot write here.
        n = len(example.positions)
        return Gold(np.full(n, -np.inf, np.float32), np.zeros(n, np.bool_), None)


def write_table(path: Path, table: TokenTable) -> None:
    partial = path.with_name(path.name + ".partial")
    tensors: dict[str, np.ndarray] = {
        "hidden": table.hidden,
        "logprobs": table.logprobs,
        "is_argmax": table.is_argmax.astype(np.uint8),
    }
    save_file(tensors, partial)
    os.replace(partial, path)


def load_tables(folder: Path, names: Sequence[str]) -> TokenTable:
    """Raises `LocalcollabError` where a shard is damaged."""
    tables = []
    for name in names:
        try:
            tensors = load_file(folder / name)
        except Exception as error:
            raise LocalcollabError(
                f"{folder / name}: cannot be read ({error}): delete it and run the command again"
            ) from error
        tables.append(
            TokenTable(tensors["hidden"], tensors["logprobs"], tensors["is_argmax"].astype(bool))
        )
    return concatenate(tables)
