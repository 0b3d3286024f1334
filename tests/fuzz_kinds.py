"""What every kind of damaged file has: a function that makes a mutant of the sources of a run."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from fuzz_mutations import Rng


class Mutant(NamedTuple):
    data: bytes
    suffix: str


@dataclass(frozen=True, slots=True)
class Sources:
    """What the mutants of a run are made from."""

    folder: Path
    """For files that a mutation needs for a moment."""
    corpus: Path | None = None
    """A folder of sound documents, besides those made here."""


Make = Callable[[Rng, Sources], Mutant]
