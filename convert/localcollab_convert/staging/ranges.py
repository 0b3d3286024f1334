"""The range checks of requests, in one wording: the parameter, its value, what to give."""

from collections.abc import Sequence
from pathlib import Path

from localcollab.errors import BadOption

MAX_SEED = 2**63 - 1


def require_between(name: str, value: float, least: float, most: float) -> None:
    """Raises `BadOption`; NaN is in no range."""
    if not least <= value <= most:
        raise BadOption(f"`{name}` is {value}: give a number from {least} to {most}")


def require_above_0(name: str, value: float, most: float) -> None:
    """Raises `BadOption`."""
    if not 0 < value <= most:
        raise BadOption(f"`{name}` is {value}: give a number above 0, at most {most}")


def require_at_least(name: str, value: int, least: int) -> None:
    """Raises `BadOption`."""
    if value < least:
        raise BadOption(f"`{name}` is {value}: give {least} or more")


def require_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Raises `BadOption`."""
    if value not in choices:
        raise BadOption(f"`{name}` is {value!r}: choose one of {', '.join(choices)}")


def require_suffix(name: str, path: Path, suffix: str) -> None:
    """Raises `BadOption`."""
    if path.suffix != suffix:
        raise BadOption(f"`{name}` is {path}: give a name that ends in {suffix}")
