from collections.abc import Sequence

import numpy as np
import pytest

from fakes import END, N_VOCAB, ScriptedModel
from localcollab.errors import EvaluationFailed, VocabularyMismatch
from localcollab.language_model import OnChunk, Reading
from localcollab_convert.export import shards as export
from localcollab_convert.export.examples import Example
from localcollab_convert.export.likelihood import FLOOR

pytestmark = pytest.mark.slow

EXAMPLE = Example("line 1", 0, (0, *b"abc", END), ((1, 5),), gold="abc")
RIGHT = np.log(0.9)
WRONG = np.log(0.1 / (N_VOCAB - 1))


class Lacking(ScriptedModel):
    """As a mapped expert that has no token for `b`."""

    def read(
        self, tokens: Sequence[int], *, last: int = 1, hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:  # fmt: skip
        if ord("b") in tokens:
            raise VocabularyMismatch("no token b")
        return super().read(tokens, last=last, hidden=hidden, on_chunk=on_chunk)


class Huge(ScriptedModel):
    def read(
        self, tokens: Sequence[int], *, last: int = 1, hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:  # fmt: skip
        reading = super().read(tokens, last=last, hidden=hidden)
        return reading._replace(hidden=np.full((last, 4), 1e6, np.float32))


def test_each_member_is_scored_on_the_gold_tokens() -> None:
    table = export.score(EXAMPLE, [ScriptedModel(b"abx"), ScriptedModel(b"xbc")])
    expected = [[RIGHT, WRONG], [RIGHT, RIGHT], [WRONG, RIGHT], [RIGHT, RIGHT]]
    np.testing.assert_allclose(table.logprobs, expected, rtol=1e-5)


def test_hits_are_the_argmax_of_each_member() -> None:
    table = export.score(EXAMPLE, [ScriptedModel(b"abx"), ScriptedModel(b"xbc")])
    assert table.is_argmax.astype(int).tolist() == [[1, 0], [1, 1], [0, 1], [1, 1]]


def test_one_example_is_one_read_of_each_member() -> None:
    members = [ScriptedModel(b"abc"), ScriptedModel(b"abc")]
    export.score(EXAMPLE, members)
    assert [member.reads for member in members] == [[(4, 4)], [(4, 4)]]


def test_only_the_answers_of_a_conversation_are_scored() -> None:
    example = Example("line 1", 0, (0, *b"abcd"), ((1, 2), (4, 5)))
    table = export.score(example, [ScriptedModel(b"abcd")])
    assert table.is_argmax.tolist() == [[True], [True]]


def test_an_expert_that_lacks_a_token_is_as_good_as_absent_there() -> None:
    table = export.score(EXAMPLE, [ScriptedModel(b"abc"), Lacking(b"abc")])
    assert table.logprobs[:, 1].tolist() == [FLOOR] * 4


def test_states_beyond_half_precision_are_refused() -> None:
    with pytest.raises(EvaluationFailed, match="line 1"):
        export.score(EXAMPLE, [Huge(b"abc")])


def test_shards_hold_whole_examples_in_order() -> None:
    examples = [Example(str(n), n, (1, 2, 3), ((1, 3),)) for n in range(5)]
    shards = export.plan_shards("train", examples, n_embd=4, shard_bytes=32)
    assert [[e.unit for e in shard.examples] for shard in shards] == [[0, 1], [2, 3], [4]]
    assert [shard.name[:11] for shard in shards] == ["train-00000", "train-00001", "train-00002"]
