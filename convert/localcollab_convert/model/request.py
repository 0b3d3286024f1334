"""The request of `convert model` and its result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcollab.errors import BadOption
from localcollab.llama.quantizer import FILE_TYPES
from localcollab.models.store import check_name
from localcollab_convert.staging.ranges import require_at_least


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    source: Path
    """A Hugging Face folder, or an unquantized GGUF file."""
    types: tuple[str, ...]
    """Names of `FILE_TYPES`; see `parse_types`."""
    name: str
    out: Path
    """Folder of NAME-TYPE.gguf."""
    imatrix: Path | None = None
    trust_tokenizer: str | None = None
    """Pre-tokenizer of a custom tokenizer that llama.cpp does not recognize."""
    converter: Path | None = None
    """llama.cpp source folder; None: the cached one."""
    verify: bool = True
    text: Path | None = None
    """To verify on; None: built in."""
    n_threads: int = 0
    """0: all."""

    def __post_init__(self) -> None:
        """Raises `BadOption`."""
        require_at_least("n_threads", self.n_threads, 0)
        for file_type in self.types:
            check_name(f"{self.name}-{file_type}")
        if self.trust_tokenizer and not self.source.is_dir():
            raise BadOption("`trust_tokenizer` is for Hugging Face folders: leave it out")

    @property
    def work(self) -> Path:
        return self.out / f"{self.name}.work"

    def path_of(self, file_type: str) -> Path:
        return self.out / f"{self.name}-{file_type}.gguf"


@dataclass(frozen=True, slots=True)
class QuantizedFile:
    path: Path
    type: str
    sha256: str
    size_bytes: int
    fallbacks: tuple[str, ...] = ()
    """Tensors that cannot have the type, and the type they have."""


@dataclass(frozen=True, slots=True)
class ModelResult:
    """One finished file."""

    file: QuantizedFile
    verification: Mapping[str, Any] | None
    """As stored by the stage `verify`; None: not verified."""


def parse_types(types: Sequence[str]) -> tuple[str, ...]:
    """Names in any case, each once. Raises `BadOption`."""
    known = {name.upper(): name for name in FILE_TYPES}
    for given in types:
        if given.upper() not in known:
            raise BadOption(
                f"`types` has {given}, which is unknown: choose from {', '.join(FILE_TYPES)}"
            )
    return tuple(dict.fromkeys(known[given.upper()] for given in types))
