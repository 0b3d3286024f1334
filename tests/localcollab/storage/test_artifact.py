"""Metadata is JSON from outside: every field of it may be anything."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from localcollab.errors import BridgeMismatch, HeadMismatch, LocalcollabError
from localcollab.methods.bridges import load_bridge
from localcollab.methods.heads import load_head

SHIPPED = Path(__file__).parents[3] / "localcollab" / "shipped" / "formulary"
Load = Callable[[Path], object]


def with_metadata(source: Path, path: Path, **changes: object) -> Path:
    data = source.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    metadata = json.loads(header["__metadata__"]["card"]) | changes
    header["__metadata__"]["card"] = json.dumps(metadata)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[end:])
    return path


@pytest.mark.parametrize(
    ("name", "load", "error", "change"),
    [
        ("calm", load_bridge, BridgeMismatch, {"anchor_sha256": 5}),
        ("calm", load_bridge, BridgeMismatch, {"vocabulary": None}),
        ("calm", load_bridge, BridgeMismatch, {"data_sha256": []}),
        ("calm", load_bridge, BridgeMismatch, {"metrics": 5}),
        ("calm", load_bridge, BridgeMismatch, {"n_heads": float("inf")}),
        ("calm", load_bridge, BridgeMismatch, {"n_heads": 10**400}),
        ("calm", load_bridge, BridgeMismatch, {"pairs": [[0, 0, float("inf")]]}),
        ("calm", load_bridge, BridgeMismatch, {"slopes": [10**400] * 4}),
        ("head", load_head, HeadMismatch, {"threshold": 10**400}),
        ("head", load_head, HeadMismatch, {"expert_sha256s": {}}),
    ],
)
def test_metadata_of_odd_values_is_one_clear_error(
    name: str, load: Load, error: type[LocalcollabError], change: dict[str, object], tmp_path: Path
) -> None:
    source = SHIPPED / f"{name}.safetensors"
    load(with_metadata(source, tmp_path / "sound"))
    with pytest.raises(error, match="localcollab convert"):
        load(with_metadata(source, tmp_path / "odd", **change))


@pytest.mark.parametrize(
    ("type_", "n_bytes"), [("BF16", 2), ("F8_E4M3", 1), ("F8_E5M2", 1), ("F9", 1)]
)
def test_a_type_that_numpy_lacks_is_one_clear_error(
    type_: str, n_bytes: int, tmp_path: Path
) -> None:
    tensor = {"dtype": type_, "shape": [4], "data_offsets": [0, 4 * n_bytes]}
    header = json.dumps({"__metadata__": {"format": "localcollab-head-1"}, "bias": tensor}).encode()
    path = tmp_path / "odd"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4 * n_bytes))
    with pytest.raises(HeadMismatch, match="not a head file"):
        load_head(path)
