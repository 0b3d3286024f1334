"""NAME.expert.json beside an expert: what it was made from.

It has only hashes of the texts: they show which are new, and none of their content.
"""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from localcollab.errors import BadModelFile
from localcollab_convert.staging.stages import file_sha256, write_json

_FORMAT = "localcollab-expert-2"
LORA = "lora"
"""The size of an expert that is a LoRA of its base."""


@dataclass(frozen=True, slots=True)
class ExpertCard:
    name: str
    sha256: str
    """Of the GGUF file."""
    base: str
    base_sha256: str
    size: str
    seed: int
    texts: tuple[str, ...]
    """sha256 of every text of its training."""
    minutes: float
    """Of training, refreshes included."""
    versions: dict[str, str]


def card_path(expert: Path) -> Path:
    return expert.with_suffix(".expert.json")


def save_card(card: ExpertCard, expert: Path) -> None:
    write_json(card_path(expert), {"format": _FORMAT, **asdict(card)})


def load_card(expert: Path) -> ExpertCard:
    """Raises `BadModelFile`: missing, damaged, or of another file."""
    path = card_path(expert)
    remedy = "recreate the expert with localcollab convert expert"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values.pop("format") != _FORMAT or set(values) != {f.name for f in fields(ExpertCard)}:
            raise ValueError(f"the format is not {_FORMAT}")
        card = ExpertCard(**values | {"texts": tuple(values["texts"])})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadModelFile(f"{path}: not the card of an expert ({error}): {remedy}") from error
    if not expert.is_file() or file_sha256(expert) != card.sha256:
        raise BadModelFile(f"{expert}: not the file that {path.name} belongs to: {remedy}")
    return card
