"""What `convert ranker` is asked for, and what it made: frozen records."""

from dataclasses import dataclass, field
from pathlib import Path

from localcollab_convert.ranker.encoder import Size
from localcollab_convert.ranker.train import Recipe


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for."""

    data: Path
    out: Path
    encoder: Path | None = None
    """None: a small one from scratch, of `size`."""
    size: Size = field(default_factory=Size)
    valid: Path | None = None
    recipe: Recipe = field(default_factory=Recipe)
    n_source: int = 128
    n_candidate: int = 128
    trust_tokenizer: str | None = None
    converter: Path | None = None

    @property
    def work(self) -> Path:
        return self.out.with_name(self.out.name + ".work")


@dataclass(frozen=True, slots=True)
class Made:
    """A finished ranker."""

    path: Path
    n_parameters: int
    accuracy: float
    n_pairs: int
    parity: float
