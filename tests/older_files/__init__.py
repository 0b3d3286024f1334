"""Files that releases before this one wrote: a collection and a history of 0.2.0."""

import gzip
from pathlib import Path


def unpacked(name: str, folder: Path) -> Path:
    """`name`: of a `.gz` here, without that."""
    packed = Path(__file__).with_name(name + ".gz")
    (folder / name).write_bytes(gzip.decompress(packed.read_bytes()))
    return folder / name
