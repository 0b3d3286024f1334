"""The request of `convert imatrix` and its result."""

from dataclasses import dataclass
from pathlib import Path

from localcollab_convert.staging.ranges import require_at_least, require_suffix

MIN_TOKENS = 16
"""Of a window; shorter ones are skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImatrixRequest:
    path: Path
    """An unquantized GGUF file."""
    text: Path
    out: Path
    n_tokens: int = 2**17
    """Maximum number of tokens of the text."""

    def __post_init__(self) -> None:
        """Raises `BadOption`."""
        require_suffix("out", self.out, ".gguf")
        require_at_least("n_tokens", self.n_tokens, MIN_TOKENS)


@dataclass(frozen=True, slots=True)
class ImatrixResult:
    path: Path
    n_weights: int
    n_tokens: int
