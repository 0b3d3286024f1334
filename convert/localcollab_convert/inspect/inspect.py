"""The contents of a GGUF file, and its size under every quantization.

The header is read in Python; the vocabulary and the plans of the quantizer come from a child process.
"""

import math
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcollab.children.limits import for_files
from localcollab.llama.header import BLOCKS, Header, read_header
from localcollab.progress import OnProgress
from localcollab_convert.staging import child

# ggml.h, enum ggml_type
TENSOR_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1",
    10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS",
    17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S",
    23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 30: "BF16",
    34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4", 40: "NVFP4", 41: "Q1_0", 42: "Q2_0",
}  # fmt: skip
_BLOCKS = {name: BLOCKS[kind] for kind, name in TENSOR_TYPES.items()}
_ALIGNMENT = 32
_PROVENANCE = ("general.", "quantize.", "localcollab.")
_NOT_PROVENANCE = ("general.architecture", "general.alignment")


@dataclass(frozen=True, slots=True)
class TypeTotal:
    n_tensors: int
    n_values: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The file under one quantization."""

    size_bytes: int
    bits_per_weight: float
    n_fallbacks: int
    """Tensors whose rows are not a multiple of this type's block size."""
    needs_imatrix: bool


@dataclass(frozen=True, slots=True)
class Inspection:
    path: Path
    size_bytes: int
    architecture: str
    n_parameters: int
    n_ctx_train: int | None
    n_embd: int | None
    n_layers: int | None
    tokenizer: str
    vocabulary: dict[str, Any]
    """n_tokens, fingerprint, n_control, bos, end, adds_bos; empty where llama.cpp rejects the file."""
    refusal: str | None
    """The reason why llama.cpp cannot use the file; None: it can."""
    chat_template: str | None
    tensor_types: dict[str, TypeTotal]
    plans: dict[str, Plan]
    provenance: dict[str, str] = field(default_factory=dict)


def inspect_file(path: Path, on_progress: OnProgress) -> Inspection:
    """Raises `BadModelFile` where the header is damaged."""
    header = read_header(path)
    metadata = header.metadata
    on_progress(f"planning quantizations of {path.name}")
    found, refusal = _read_with_llama(path)
    model, pre = (metadata.get(f"tokenizer.ggml.{key}", "") for key in ("model", "pre"))
    template = metadata.get("tokenizer.chat_template")
    return Inspection(
        path=path,
        size_bytes=header.size_bytes,
        architecture=header.architecture,
        n_parameters=count_parameters(header),
        n_ctx_train=header.number("context_length"),
        n_embd=header.number("embedding_length"),
        n_layers=header.number("block_count"),
        tokenizer=f"{model} ({pre})" if pre else str(model),
        vocabulary=found["vocabulary"] if found else {},
        refusal=refusal,
        chat_template=template if isinstance(template, str) else None,
        tensor_types=_totals(header),
        plans={name: _plan(header, p) for name, p in found["plans"].items()} if found else {},
        provenance={
            key: str(value)
            for key, value in metadata.items()
            if key.startswith(_PROVENANCE) and key not in _NOT_PROVENANCE
        },
    )


def count_parameters(header: Header) -> int:
    return sum(math.prod(tensor.shape) for tensor in header.tensors)


def _read_with_llama(path: Path) -> tuple[dict[str, Any] | None, str | None]:
    try:
        found: dict[str, Any] = child.run(
            "localcollab_convert.inspect.inspect_child", [str(path)], lambda line: None,
            limits=for_files([path], seconds=120),
        )  # fmt: skip
    except child.ChildFailed as error:
        return None, str(error)
    return found, None


def size_in_bytes(shape: tuple[int, ...], type_name: str) -> int:
    """Of one tensor, padded as in the file."""
    n_values, n_bytes = _BLOCKS[type_name]
    return -(-math.prod(shape) // n_values * n_bytes // _ALIGNMENT) * _ALIGNMENT


def _totals(header: Header) -> dict[str, TypeTotal]:
    shapes = defaultdict(list)
    for tensor in header.tensors:
        shapes[TENSOR_TYPES[tensor.type]].append(tensor.shape)
    totals = {
        name: TypeTotal(
            len(of_type), sum(map(math.prod, of_type)), sum(size_in_bytes(s, name) for s in of_type)
        )
        for name, of_type in shapes.items()
    }
    return dict(sorted(totals.items(), key=lambda item: -item[1].size_bytes))


def _plan(header: Header, planned: dict[str, Any]) -> Plan:
    """The header has the same length, except for two keys that the quantizer adds."""
    before = sum(size_in_bytes(t.shape, TENSOR_TYPES[t.type]) for t in header.tensors)
    types = planned["tensors"]
    after = sum(size_in_bytes(t.shape, types[t.name]) for t in header.tensors)
    return Plan(
        size_bytes=header.size_bytes - before + after,
        bits_per_weight=8 * after / count_parameters(header),
        n_fallbacks=len(planned["fallbacks"]),
        needs_imatrix=planned["needs_imatrix"],
    )
