"""A Llama trained here -> GGUF, on the vocabulary of the file it will stand beside.

The tokenizer's keys are copied from that file, so that both have the same tokens by construction.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import gguf
from transformers import LlamaForCausalLM

from localcollab.errors import BadModelFile
from localcollab.llama.quantizer import quantize
from localcollab_convert.model.llama_file import add_shape, finish

_TEMPLATE = "tokenizer.chat_template"


def write_expert(
    model: LlamaForCausalLM, base: Path, out: Path, *, name: str, provenance: Mapping[str, str]
) -> None:
    """Q8_0 at `out`, which is replaced at the end only. Raises `BadModelFile`."""
    whole = out.with_name(out.name + ".f16.partial")
    partial = out.with_name(out.name + ".partial")
    try:
        _write_f16(model, base, whole, name, provenance)
        quantize(whole, partial, "Q8_0")
        os.replace(partial, out)
    finally:
        whole.unlink(missing_ok=True)


def _write_f16(
    model: LlamaForCausalLM, base: Path, path: Path, name: str, provenance: Mapping[str, str]
) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    for key, value in provenance.items():
        writer.add_string(f"localcollab.expert.{key}", value)
    add_shape(writer, model)
    _copy_tokenizer(writer, base)
    finish(writer, model)


def _copy_tokenizer(writer: gguf.GGUFWriter, base: Path) -> None:
    """Every tokenizer key but the chat template: an expert is never asked in it."""
    fields = gguf.GGUFReader(base).fields
    names = [n for n in fields if n.startswith("tokenizer.") and n != _TEMPLATE]
    if not names:
        raise BadModelFile(f"{base}: holds no tokenizer: give a model that has one")
    for name in names:
        field = fields[name]
        inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), field.types[0], sub_type=inner)
