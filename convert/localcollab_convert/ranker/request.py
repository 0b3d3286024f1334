"""The request of `convert ranker` and its result: frozen records without torch."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from localcollab.errors import BadOption
from localcollab_convert.staging.outputs import work_folder
from localcollab_convert.staging.ranges import require_above_0, require_between, require_choice

Loss = Literal["logistic", "bce"]
"""logistic: on the difference of the scores; bce: on each score, as in the paper's eq. 1."""


@dataclass(frozen=True, slots=True)
class EncoderSize:
    """Of an encoder trained from scratch."""

    width: int = 128
    n_layers: int = 3
    n_vocab: int = 8192

    def __post_init__(self) -> None:
        """Raises `BadOption`."""
        require_between("width", self.width, 32, 1024)
        if self.width % 32:
            raise BadOption(f"`width` is {self.width}: give a multiple of 32")
        require_between("n_layers", self.n_layers, 1, 48)
        require_between("n_vocab", self.n_vocab, 512, 2**17)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that the trained weights depend on, besides data and encoder."""

    seed: int = 0
    n_epochs: int = 4
    batch: int = 32
    """Pairs a step."""
    learning_rate: float = 2e-3
    """For an encoder from scratch; see `default_learning_rate`."""
    weight_decay: float = 0.01
    loss: Loss = "logistic"
    n_valid_pairs: int = 400
    """Maximum number of validation pairs that choose the best epoch."""

    def __post_init__(self) -> None:
        """Raises `BadOption`."""
        require_between("seed", self.seed, 0, 2**32 - 1)
        require_between("n_epochs", self.n_epochs, 1, 1000)
        require_between("batch", self.batch, 1, 4096)
        require_above_0("learning_rate", self.learning_rate, 1)
        require_choice("loss", self.loss, get_args(Loss))


def default_learning_rate(encoder: Path | None) -> float:
    return 2e-3 if encoder is None else 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class RankerRequest:
    data: Path
    out: Path
    """A folder."""
    encoder: Path | None = None
    """A Hugging Face folder; None: a new encoder of `size`."""
    size: EncoderSize = field(default_factory=EncoderSize)
    valid: Path | None = None
    recipe: Recipe = field(default_factory=Recipe)
    n_source: int = 128
    """Maximum number of tokens of a request."""
    n_candidate: int = 128
    """Maximum number of tokens of a candidate."""
    trust_tokenizer: str | None = None
    converter: Path | None = None

    def __post_init__(self) -> None:
        """Raises `BadOption`."""
        if not self.out.name:
            raise BadOption(f"`out` is {self.out}: give the folder a name")
        if self.encoder is None and self.trust_tokenizer:
            raise BadOption("`trust_tokenizer` needs `encoder`: leave it out")
        require_between("n_source", self.n_source, 1, 2**15)
        require_between("n_candidate", self.n_candidate, 1, 2**15)

    @property
    def work(self) -> Path:
        return work_folder(self.out, None)


@dataclass(frozen=True, slots=True)
class RankerResult:
    path: Path
    n_parameters: int
    accuracy: float
    n_pairs: int
    parity: float
    """Largest difference of a logit between the exported and the trained ranker."""
