"""The request of `convert verify` and its result."""

from dataclasses import dataclass, field
from pathlib import Path

from localcollab.errors import BadOption
from localcollab_convert.staging.ranges import require_between
from localcollab_convert.verify.divergence import Summary
from localcollab_convert.verify.parity import Parity

DEFAULT_TEXT = Path(__file__).with_name("verify_text.txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    path: Path
    against: Path
    """The unquantized GGUF file, or the Hugging Face folder."""
    text: Path = DEFAULT_TEXT
    head: Path | None = None
    n_tokens: int = 2048
    """Maximum number of tokens of the text."""
    window: int = 512
    """Maximum number of tokens that are read as one sequence."""
    exact: bool = False
    """F32 cache and no flash attention, so that only the weights differ."""
    write_head: Path | None = None
    """Head file to write for `path`, with the threshold adjusted."""
    experts: tuple[Path, ...] = ()
    """New files of the experts of `write_head`; empty: unchanged."""

    def __post_init__(self) -> None:
        """Raises `BadOption`."""
        require_between("n_tokens", self.n_tokens, 2, 2**20)
        require_between("window", self.window, 2, 2**20)
        if self.write_head and not self.head:
            raise BadOption(
                f"`write_head` is {self.write_head}, without a head to start from: give `head`"
            )
        if self.experts and not self.write_head:
            raise BadOption("`experts` needs `write_head`: give both, or neither")


@dataclass(frozen=True, slots=True)
class HeadAgreement:
    """Decisions of a head on the hidden states of the original and of this file."""

    agreement: float
    """Share of positions with the same author."""
    threshold: float
    deferral_rate: float
    deferral_rate_original: float
    recalibrated: float
    """Threshold at which this file defers as often as the original."""
    agreement_recalibrated: float


@dataclass(frozen=True, slots=True)
class Verification:
    path: Path
    against: Path
    tokenizer: Parity
    total: Summary | None
    """None: not a decoder-only model, so predictions were not compared."""
    positions: dict[str, Summary] = field(default_factory=dict)
    largest_difference: float | None = None
    head: HeadAgreement | None = None
