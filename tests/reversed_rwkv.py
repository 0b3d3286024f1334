"""A small rwkv file whose vocabulary makes llama.cpp take memory until it is stopped."""

from pathlib import Path

import gguf
import numpy as np

_TOKENS = "tokenizer.ggml.tokens"


def write_reversed(source: Path, out: Path) -> None:
    """`source` with every token's spelling reversed: escapes end before they begin."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(out, reader.fields["general.architecture"].contents())
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        value = field.contents()
        if name == _TOKENS:
            value = [text[::-1] for text in value]
        item = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(name, value, field.types[0], sub_type=item)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, np.array(tensor.data))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
