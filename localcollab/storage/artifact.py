"""Trained files: safetensors with a format name and, as JSON, the metadata of what was trained.

Files are hostile input: whatever is wrong with one raises its kind's error, which says how to get a good
one. What the metadata and the tensors mean, and which tensors are required, is left to each kind.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from localcollab.errors import LocalcollabError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Tensors = Mapping[str, npt.NDArray[Any]]
Metadata = TypeVar("Metadata", bound="DataclassInstance")


@dataclass(frozen=True, slots=True)
class Kind:
    noun: str
    format: str
    error: type[LocalcollabError]
    remedy: str
    """What to do about a bad file."""
    also: tuple[str, ...] = ()
    """Formats that are read as well."""

    def refusal(self, path: Path, what: str) -> LocalcollabError:
        return self.error(f"{path}: {what}: {self.remedy}")


class Read(NamedTuple):
    tensors: Tensors
    metadata: str
    """JSON, unchecked."""


def save(kind: Kind, path: Path, tensors: Tensors, metadata: "DataclassInstance") -> None:
    """Write to a temporary name, then rename. Equal contents give equal bytes."""
    from safetensors.numpy import save as to_bytes

    header = {"format": kind.format, "card": json.dumps(asdict(metadata), sort_keys=True)}
    partial = path.with_name(path.name + ".partial")
    data = to_bytes({name: np.ascontiguousarray(t) for name, t in tensors.items()}, header)
    partial.write_bytes(_with_sorted_header(data))
    os.replace(partial, path)


def _with_sorted_header(data: bytes) -> bytes:
    """With sorted keys: safetensors writes them in an order that changes from run to run."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8:end]), sort_keys=True).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data[end:]


def read(kind: Kind, path: Path) -> Read:
    """Raises the kind's error: missing, damaged, or another kind of file."""
    from safetensors import SafetensorError, safe_open

    if not os.path.isfile(path):  # opening a FIFO would wait for a writer
        raise kind.error(f"{path}: no such {kind.noun} file: check the path, or {kind.remedy}")
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (
        SafetensorError, OSError, ValueError, KeyError, TypeError,
        AttributeError,  # a type that NumPy lacks, such as BF16
    ) as error:  # fmt: skip
        raise kind.refusal(path, f"not a {kind.noun} file ({error})") from error
    if header.get("format") not in (kind.format, *kind.also):
        what = f"a safetensors file, but not a {kind.noun} of format {kind.format}"
        raise kind.refusal(path, what)
    return Read(tensors, header.get("card", ""))


def parse(
    kind: Kind, path: Path, metadata: str, parsed: Callable[[dict[str, Any]], Metadata]
) -> Metadata:
    """`parsed` may raise what code raises on unexpected JSON. Raises the kind's error."""
    try:
        return parsed(json.loads(metadata))
    except (
        ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError
    ) as error:  # fmt: skip
        raise kind.refusal(path, f"its metadata is damaged ({error})") from error


def known(kind: type[Metadata], values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` without fields that only later versions know."""
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in values.items() if name in names}


def check_types(metadata: object, wanted: Mapping[str, type | tuple[type, ...]]) -> None:
    """JSON may hold any type. Raises `TypeError`."""
    for name, of_type in wanted.items():
        if not isinstance(getattr(metadata, name), of_type):
            raise TypeError(f"{name} is a {type(getattr(metadata, name)).__name__}")


def require_finite(kind: Kind, path: Path, tensors: Tensors) -> None:
    """Raises the kind's error for NaN and infinite values."""
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise kind.refusal(path, f"{name} holds NaN or infinite values")
