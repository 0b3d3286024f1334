"""What is done to every shard, and doing it in this process."""

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

Shard = TypeVar("Shard")
Result = TypeVar("Result")
ShardIn = TypeVar("ShardIn", contravariant=True)
ResultOut = TypeVar("ResultOut", covariant=True)

OnPart = Callable[[int], None]
"""`on_part(units)`: so many more units of a shard are done."""


class Work(Protocol, Generic[ShardIn, ResultOut]):
    """An opened task. Its result must depend on `shard` alone, not on what was done before."""

    def __call__(self, shard: ShardIn, on_part: OnPart, /) -> ResultOut: ...


class Task(Protocol, Generic[ShardIn, ResultOut]):
    """Can be pickled; whoever works on shards opens it once."""

    @property
    def n_threads(self) -> int:
        """CPU threads that one opened task keeps busy."""
        ...

    @property
    def memory_bytes(self) -> int:
        """Memory that one opened task takes."""
        ...

    def open(self) -> Work[ShardIn, ResultOut]:
        """Loads what it needs. Raises what loading raises."""
        ...


def map_here(
    work: Work[Shard, Result], shards: Sequence[Shard], on_part: OnPart
) -> Iterator[tuple[int, Result]]:
    """(position, result) of each shard, in order."""
    for n, shard in enumerate(shards):
        yield n, work(shard, on_part)
