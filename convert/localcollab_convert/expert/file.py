"""The files of an expert: NAME.gguf, and NAME.expert.json with what it was made from.

The GGUF file has the tokenizer of its base, copied key by key, so both have the same tokens. The card has
only hashes of the texts: it shows which are new, and none of their content.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import gguf
from transformers import LlamaForCausalLM

from localcollab.errors import BadModelFile
from localcollab.llama.quantizer import quantize
from localcollab_convert.formats.llama import add_shape, write_weights
from localcollab_convert.staging.stages import file_sha256, write_json

_FORMAT = "localcollab-expert-2"
_TEMPLATE = "tokenizer.chat_template"


def write_expert(
    model: LlamaForCausalLM, base: Path, out: Path, *, name: str, provenance: Mapping[str, str]
) -> None:
    """Q8_0, renamed to `out` when it is complete. Raises `BadModelFile`."""
    f16 = out.with_name(out.name + ".f16.partial")
    partial = out.with_name(out.name + ".partial")
    try:
        _write_f16(model, base, f16, name, provenance)
        quantize(f16, partial, "Q8_0")
        os.replace(partial, out)
    finally:
        f16.unlink(missing_ok=True)


def _write_f16(
    model: LlamaForCausalLM, base: Path, path: Path, name: str, provenance: Mapping[str, str]
) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    for key, value in provenance.items():
        writer.add_string(f"localcollab.expert.{key}", value)
    add_shape(writer, model)
    _copy_tokenizer(writer, base)
    write_weights(writer, model)


def _copy_tokenizer(writer: gguf.GGUFWriter, base: Path) -> None:
    """Every tokenizer key except the chat template, which an expert does not use."""
    fields = gguf.GGUFReader(base).fields
    names = [n for n in fields if n.startswith("tokenizer.") and n != _TEMPLATE]
    if not names:
        raise BadModelFile(f"{base}: has no tokenizer: give a model with one")
    for name in names:
        field = fields[name]
        inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), field.types[0], sub_type=inner)


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
