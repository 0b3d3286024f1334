"""The request of `convert lora` and its result."""

from dataclasses import dataclass
from pathlib import Path

from localcollab_convert.staging.ranges import require_suffix


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraRequest:
    peft: Path
    """Folder of the adapter, as saved by PEFT."""
    base: Path
    """A GGUF file, or a folder with config.json."""
    out: Path
    converter: Path | None = None
    """llama.cpp source folder; None: the cached one."""

    def __post_init__(self) -> None:
        """Raises `BadOption`."""
        require_suffix("out", self.out, ".gguf")


@dataclass(frozen=True, slots=True)
class LoraResult:
    path: Path
    sha256: str
    size_bytes: int
    rank: int
    adapted_sha256: str | None
    """Identifies base and adapter together; None where the base is a folder."""
