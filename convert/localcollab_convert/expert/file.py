"""The file of an expert from scratch: NAME.gguf.

It has the tokenizer of its base, copied key by key, so both have the same tokens.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import gguf
from transformers import LlamaForCausalLM

from localcollab.errors import BadModelFile
from localcollab.llama.quantizer import quantize
from localcollab_convert.formats.llama import add_shape, write_weights

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
