"""What is to be measured, of which teams; every range is checked here."""

from dataclasses import dataclass
from pathlib import Path

from localcollab.catalog import DEFAULT_TEAM
from localcollab.errors import BadOption
from localcollab.evaluation.plot import require_drawable

LETTERS = "abcdefghijkmn"
"""The figures, in the order in which they are measured."""


@dataclass(frozen=True, slots=True)
class BenchRequest:
    """Raises `BadOption`."""

    teams: tuple[str, ...] = (DEFAULT_TEAM,)
    catalogs: tuple[Path, ...] = ()
    only: str | None = None
    """Letters of figures, separated by commas; None: all."""
    n_rounds: int = 5
    """Of each timing."""
    busy: bool = False
    """One thread and CPU time, for a machine with other work."""
    plot: Path | None = None
    draft: str | None = None
    """A model or file that proposes tokens for each team, instead of the team's own."""
    questions: Path | None = None
    """One a line, for the figures of proposed tokens; None: general ones, or the shipped team's."""

    def __post_init__(self) -> None:
        parse_only(self.only)
        if not 1 <= self.n_rounds <= 1000:
            raise BadOption(f"`n_rounds` is {self.n_rounds}: give 1 to 1000")
        if self.questions and not self.questions.is_file():
            raise BadOption(f"`questions` is {self.questions}: no such file")
        if self.plot:
            require_drawable(self.plot)

    @property
    def letters(self) -> str:
        return parse_only(self.only)


def parse_only(only: str | None) -> str:
    """`a,b` -> "ab", in the order of `LETTERS`. Raises `BadOption`."""
    if only is None:
        return LETTERS
    chosen = [part.strip() for part in only.split(",")]
    unknown = [part for part in chosen if part not in list(LETTERS)]
    if unknown:
        raise BadOption(f"`only` names {unknown[0]!r}: choose from {', '.join(LETTERS)}")
    return "".join(letter for letter in LETTERS if letter in chosen)
