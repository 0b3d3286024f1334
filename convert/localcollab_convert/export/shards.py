"""Teacher-forced hidden states of the base, and every member's log-prob of each gold token, in shards.

Training reads only these files, not the models. Examples are split into shards of a few MB before any
model runs, and every shard starts from empty caches, so a resumed export is bit-identical.
"""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save

from localcollab.decoding.likelihood import Gold, read_gold
from localcollab.errors import EvaluationFailed, LocalcollabError, VocabularyMismatch
from localcollab.language_model import Float32Array, LanguageModel
from localcollab.sharding.work import OnPart
from localcollab.vocabularies.translated import TranslatedModel
from localcollab.vocabularies.word_scores import WordScorer
from localcollab_convert.export.examples import Example
from localcollab_convert.export.likelihood import FLOOR, TokenTable, concatenate

_SHARD_BYTES = 4 * 2**20

MapShards = Callable[["Sequence[Shard]", OnPart], Iterator[tuple[int, bytes]]]
"""`map_missing(shards, on_part)` -> (position, bytes of the file) of each, in any order."""
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


class Scoring:
    """Open members, base first: a shard -> its table, as the bytes of a file.

    One row a token; one a word where a member has another vocabulary.
    """

    def __init__(self, members: Sequence[LanguageModel], starts: Collection[int]) -> None:
        """`starts`: the first tokens of all examples, which no cache may hold when a shard begins."""
        self._members, self._starts = members, frozenset(starts)
        others = any(isinstance(member, TranslatedModel) for member in members)
        self._words = WordScorer(members) if others else None

    def __call__(self, shard: Shard, on_part: OnPart) -> bytes:
        """Raises what `read` raises."""
        for member in self._members:
            forget(member, self._starts)
        tables = []
        for example in shard.examples:
            tables.append(self._score(example))
            on_part(len(example.positions))
        return file_bytes(concatenate(tables))

    def _score(self, example: Example) -> TokenTable:
        if self._words is None:
            return score(example, self._members)
        return score_words(example, self._words, self._members[0])


def first_tokens(shards: Sequence[Shard]) -> frozenset[int]:
    return frozenset(example.tokens[0] for shard in shards for example in shard.examples)


def export_shards(
    folder: Path, shards: Sequence[Shard], map_missing: MapShards, on_done: OnDone
) -> None:
    """Write the missing shards, in the order in which `map_missing` has them. Raises what it raises."""
    missing = [shard for shard in shards if not (folder / shard.name).exists()]
    total = sum(shard.n_tokens for shard in shards)
    done = total - sum(shard.n_tokens for shard in missing)

    def on_part(n: int) -> None:
        nonlocal done
        done += n
        on_done(done, total)

    on_done(done, total)
    for n, data in map_missing(missing, on_part):
        write_bytes(folder / missing[n].name, data)


def forget(model: LanguageModel, starts: Collection[int]) -> None:
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


def file_bytes(table: TokenTable) -> bytes:
    return save(
        {
            "hidden": table.hidden,
            "logprobs": table.logprobs,
            "is_argmax": table.is_argmax.astype(np.uint8),
        }
    )


def write_table(path: Path, table: TokenTable) -> None:
    write_bytes(path, file_bytes(table))


def write_bytes(path: Path, data: bytes) -> None:
    """Complete or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data)
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
