"""Importance matrices in llama.cpp's GGUF format, as written and read by its own tools.

For each weight: the sum of squares of each input column (`NAME.in_sum2`, one row a matrix) and the number
of inputs of each matrix (`NAME.counts`).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np

from localcollab.errors import BadData, BadModelFile
from localcollab.language_model import Float32Array
from localcollab.llama.header import read_table

_SUMS, _COUNTS = ".in_sum2", ".counts"
_KEYS = ("imatrix.datasets", "imatrix.chunk_count", "imatrix.chunk_size")


@dataclass(frozen=True, slots=True)
class Imatrix:
    sums: Mapping[str, Float32Array]
    """Weight -> (n matrices, n columns)."""
    counts: Mapping[str, Float32Array]
    """Weight -> (n matrices,)."""
    datasets: tuple[str, ...]
    n_chunks: int
    chunk_size: int

    def means(self) -> dict[str, Float32Array]:
        """Mean squares, flat, as the quantizer expects them; 1 for a matrix without inputs."""
        found = {}
        for name, sums in self.sums.items():
            counts = self.counts[name][:, None]
            with np.errstate(divide="ignore", invalid="ignore"):
                means = np.where(counts > 0, sums / counts, 1)
            found[name] = means.astype(np.float32).ravel()
        return found


def save_imatrix(imatrix: Imatrix, path: Path) -> None:
    """Written to a temporary file in the same folder, then renamed."""
    partial = path.with_name(path.name + ".partial")
    writer = gguf.GGUFWriter(partial, "")
    writer.kv_data[0].pop("general.architecture", None)
    writer.add_string("general.type", "imatrix")
    writer.add_array(_KEYS[0], list(imatrix.datasets))
    writer.add_uint32(_KEYS[1], imatrix.n_chunks)
    writer.add_uint32(_KEYS[2], imatrix.chunk_size)
    for name in sorted(imatrix.sums):
        writer.add_tensor(name + _SUMS, imatrix.sums[name].astype(np.float32))
        writer.add_tensor(name + _COUNTS, imatrix.counts[name].astype(np.float32)[:, None])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(partial, path)


def load_imatrix(path: Path) -> Imatrix:
    """Raises `BadData`: missing, another format, damaged, or with NaN or infinite values."""
    if not path.is_file():
        raise BadData(f"{path}: no such file: create one with localcollab convert imatrix")
    try:
        read_table(path)
        reader = gguf.GGUFReader(path)
        tensors = {t.name: np.array(t.data, np.float32) for t in reader.tensors}
        datasets, n_chunks, chunk_size = (reader.fields[key].contents() for key in _KEYS)
        names = [name.removesuffix(_SUMS) for name in tensors if name.endswith(_SUMS)]
        sums = {name: np.atleast_2d(tensors[name + _SUMS]) for name in names}
        counts = {name: tensors[name + _COUNTS].ravel() for name in names}
        imatrix = Imatrix(sums, counts, tuple(map(str, datasets)), int(n_chunks), int(chunk_size))
    except (BadModelFile, ValueError, KeyError, IndexError, TypeError, OSError) as error:
        raise BadData(
            f"{path}: not an importance matrix in GGUF format ({error}): create one with localcollab "
            "convert imatrix"
        ) from error
    _check(imatrix, path)
    return imatrix


def _check(imatrix: Imatrix, path: Path) -> None:
    if not imatrix.sums:
        raise BadData(f"{path}: has no entry: recreate it with localcollab convert imatrix")
    for name, sums in imatrix.sums.items():
        if len(imatrix.counts[name]) != len(sums) or not np.isfinite(sums).all():
            raise BadData(f"{path}: the entry {name} is damaged: recreate the file")
